import type { FastifyInstance } from "fastify";
import type { Insertable } from "kysely";
import type { Database, Tables } from "../database.ts";
import { conflict, notFound, pointsNowhere, violates } from "../problems.ts";
import { integer, object, text } from "../schemas.ts";

type Review = Insertable<Tables["reviews"]>;

export async function reviews(app: FastifyInstance, { db }: { db: Database }) {
  app.post<{ Params: { id: number }; Body: Pick<Review, "customerId" | "rating" | "body"> }>(
    "/books/:id/reviews",
    {
      schema: {
        params: object({ id: integer() }),
        body: object({ customerId: integer(), rating: integer(1, 5), body: text(5000) }),
      },
    },
    async ({ params, body }, reply) => {
      await postReview(db, { bookId: params.id, ...body });
      return reply.redirect(`/books/${params.id}`, 303);
    },
  );
}

async function postReview(db: Database, review: Review): Promise<void> {
  try {
    await db.insertInto("reviews").values(review).execute();
  } catch (error) {
    if (violates(error, "one_review_per_customer")) {
      throw conflict("reviewed_already", "This customer has reviewed this book already.");
    }
    if (pointsNowhere(error)) throw notFound("There is no such book, or no such customer.");
    throw error;
  }
}
