import { browse } from "@/data/catalogue.ts";
import { handler } from "@/lib/handler.ts";
import { digits } from "@/lib/input.ts";

type Context = { params: Promise<{ slug: string }> };

export const GET = handler(async (request, { params }: Context) => {
  const page = new URL(request.url).searchParams.get("page") ?? "1";
  return Response.json(await browse((await params).slug, digits(page, "page", 1000)));
});
