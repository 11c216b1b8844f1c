import { postReview } from "@/data/catalogue.ts";
import { handler, seeOther } from "@/lib/handler.ts";
import { digits, Fields } from "@/lib/input.ts";

type Context = { params: Promise<{ id: string }> };

export const POST = handler(async (request, { params }: Context) => {
  const bookId = digits((await params).id, "id");
  const review = await Fields.of(request);
  await postReview({
    bookId,
    customerId: review.integer("customerId"),
    rating: review.integer("rating", 1, 5),
    body: review.text("body", 5000),
  });
  return seeOther(`/books/${bookId}`);
});
