import { Router } from "express";
import type { Database } from "../database.ts";
import { digits, shape, text, whole } from "../input.ts";
import { isTaken, Problem, refersToNothing } from "../problems.ts";
import * as schema from "../schema.ts";

const newReview = shape({ customerId: whole(), rating: whole(1, 5), body: text(5000) });

export function reviews(db: Database): Router {
  const router = Router();
  router.post("/books/:id/reviews", async ({ params, body }, response) => {
    const bookId = digits()(params.id, "id");
    const review = { bookId, ...newReview(body, "The body") };
    try {
      await db.insert(schema.reviews).values(review);
    } catch (error) {
      if (isTaken(error, "one_review_per_customer")) {
        throw new Problem(409, "reviewed_already", "This customer has reviewed this book already.");
      }
      if (!refersToNothing(error)) throw error;
      throw new Problem(404, "not_found", "There is no such book, or no such customer.");
    }
    response.redirect(303, `/books/${bookId}`);
  });
  return router;
}
