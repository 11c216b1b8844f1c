import { orderPage } from "@/data/orders.ts";
import { handler } from "@/lib/handler.ts";
import { digits } from "@/lib/input.ts";

type Context = { params: Promise<{ number: string }> };

export const GET = handler(async (_request, { params }: Context) =>
  Response.json(await orderPage(digits((await params).number, "number"))),
);
