import { bookPage } from "@/data/catalogue.ts";
import { handler } from "@/lib/handler.ts";
import { digits } from "@/lib/input.ts";

type Context = { params: Promise<{ id: string }> };

export const GET = handler(async (_request, { params }: Context) =>
  Response.json(await bookPage(digits((await params).id, "id"))),
);
