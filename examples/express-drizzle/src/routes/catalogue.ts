import { asc, eq, gt, sql } from "drizzle-orm";
import { Router } from "express";
import type { Database } from "../database.ts";
import { digits, text } from "../input.ts";
import { Problem } from "../problems.ts";
import { authors, books, categories, stock } from "../schema.ts";

const perPage = 20;

export function catalogue(db: Database): Router {
  const router = Router();
  router.get("/categories/:slug", async ({ params, query }, response) => {
    const page = digits(1000)(query["page"] ?? "1", "page");
    response.json(await browse(db, text(100)(params.slug, "slug"), page));
  });
  router.get("/books/:id", async ({ params }, response) => {
    response.json(await bookPage(db, digits()(params.id, "id")));
  });
  return router;
}

/** One page of a category. */
async function browse(db: Database, slug: string, page: number) {
  const category = await db.query.categories.findFirst({ where: eq(categories.slug, slug) });
  if (category === undefined) throw new Problem(404, "not_found", "There is no such category.");
  const inCategory = eq(books.categoryId, category.id);
  const [total, entries] = await Promise.all([
    db.$count(books, inCategory),
    db
      .select({
        id: books.id,
        title: books.title,
        author: authors.name,
        priceCents: books.priceCents,
        inStock: sql<boolean>`${gt(stock.quantity, 0)}`,
      })
      .from(books)
      .innerJoin(authors, eq(authors.id, books.authorId))
      .innerJoin(stock, eq(stock.bookId, books.id))
      .where(inCategory)
      .orderBy(asc(books.title), asc(books.id))
      .limit(perPage)
      .offset((page - 1) * perPage),
  ]);
  const pages = Math.max(1, Math.ceil(total / perPage));
  return { category: category.name, page, pages, total, entries };
}

/** A book with its latest reviews: a relational query, which is one statement. */
async function bookPage(db: Database, id: number) {
  const book = await db.query.books.findFirst({
    where: eq(books.id, id),
    columns: { id: true, title: true, priceCents: true },
    with: {
      author: true,
      stock: true,
      reviews: {
        columns: { rating: true, body: true, writtenAt: true },
        with: { customer: { columns: { name: true } } },
        orderBy: (review, { desc }) => desc(review.writtenAt),
        limit: 10,
      },
    },
  });
  if (book === undefined) throw new Problem(404, "not_found", `There is no book ${id}.`);
  const { author, stock: shelf, reviews: latest, ...facts } = book;
  return {
    ...facts,
    author: author.name,
    inStock: shelf.quantity > 0,
    latestReviews: latest.map(({ customer, ...review }) => ({
      ...review,
      customer: customer.name,
    })),
  };
}
