import type { Pool } from "pointsman";
import { conflict, notFound, pointsNowhere, violates } from "./problems.ts";

export interface Review {
  readonly bookId: number;
  readonly customerId: number;
  /** 1 to 5 stars. */
  readonly rating: number;
  readonly body: string;
}

/** Posts a review; a trigger brings the book's average up to date. */
export async function postReview(pool: Pool, review: Review): Promise<void> {
  try {
    await pool.query(
      "insert into reviews (book_id, customer_id, rating, body) values ($1, $2, $3, $4)",
      [review.bookId, review.customerId, review.rating, review.body],
    );
  } catch (error) {
    if (violates(error, "one_review_per_customer")) {
      throw conflict("reviewed_already", "This customer has reviewed this book already.");
    }
    if (pointsNowhere(error)) throw notFound("There is no such book, or no such customer.");
    throw error;
  }
}
