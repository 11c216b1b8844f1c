import type { FastifyInstance } from "fastify";
import { jsonArrayFrom } from "kysely/helpers/postgres";
import type { Database } from "../database.ts";
import { notFound } from "../problems.ts";
import { integer, object, text } from "../schemas.ts";

const perPage = 20;

/** Categories and books. */
export async function catalogue(app: FastifyInstance, { db }: { db: Database }) {
  const pageNumber = { page: { ...integer(1, 1000), default: 1 } };

  app.get<{ Params: { slug: string }; Querystring: { page: number } }>(
    "/categories/:slug",
    {
      schema: {
        params: object({ slug: text(100) }),
        querystring: { type: "object", properties: pageNumber },
      },
    },
    ({ params, query }) => browse(db, params.slug, query.page),
  );

  app.get<{ Params: { id: number } }>(
    "/books/:id",
    { schema: { params: object({ id: integer() }) } },
    ({ params }) => bookPage(db, params.id),
  );
}

/** One page of a category. */
async function browse(db: Database, slug: string, page: number) {
  const { id, name, total } = await db
    .selectFrom("categories")
    .select((of) => [
      "id",
      "name",
      of
        .selectFrom("books")
        .whereRef("books.categoryId", "=", "categories.id")
        .select(({ cast, fn }) => cast<number>(fn.countAll(), "integer").as("total"))
        .$asScalar()
        .$notNull()
        .as("total"),
    ])
    .where("slug", "=", slug)
    .executeTakeFirstOrThrow(() => notFound("There is no such category."));
  const entries = await booksOf(db)
    .where("categoryId", "=", id)
    .orderBy("title")
    .orderBy("books.id")
    .limit(perPage)
    .offset((page - 1) * perPage)
    .execute();
  return { category: name, page, pages: Math.max(1, Math.ceil(total / perPage)), total, entries };
}

/** A book with its latest reviews, in one statement. */
async function bookPage(db: Database, id: number) {
  return booksOf(db)
    .select((of) =>
      jsonArrayFrom(
        of
          .selectFrom("reviews")
          .innerJoin("customers", "customers.id", "reviews.customerId")
          .select(["rating", "body", "customers.name as customer", "writtenAt"])
          .whereRef("reviews.bookId", "=", "books.id")
          .orderBy("writtenAt", "desc")
          .limit(10),
      ).as("latestReviews"),
    )
    .where("books.id", "=", id)
    .executeTakeFirstOrThrow(() => notFound(`There is no book ${id}.`));
}

const booksOf = (db: Database) =>
  db
    .selectFrom("books")
    .innerJoin("authors", "authors.id", "books.authorId")
    .innerJoin("stock", "stock.bookId", "books.id")
    .select(["books.id", "title", "authors.name as author", "priceCents"])
    .select((of) => of("quantity", ">", 0).$castTo<boolean>().as("inStock"));
