import { asc, desc, eq, lt, sql } from "drizzle-orm";
import { Router } from "express";
import type { Database } from "../database.ts";
import { books, categories, orderLines, orders, stock } from "../schema.ts";

export function backOffice(db: Database): Router {
  const router = Router();
  router.get("/back-office/report", async (_request, response) => {
    response.json(await report(db));
  });
  return router;
}

const sold = {
  books: sql`sum(${orderLines.quantity})`.mapWith(Number),
  revenueCents: sql`sum(${orderLines.quantity} * ${orderLines.priceCents})`.mapWith(Number),
};

/**
 * What was sold, and what is running out: on a reader, since the transaction declares itself READ
 * ONLY, and in one snapshot, so that its parts agree with each other.
 */
function report(db: Database) {
  return db.transaction(
    async (tx) => {
      const month = sql<string>`date_trunc('month', ${orders.placedAt})::date::text`;
      const months = await tx
        .select({ month: month.as("month"), ...sold })
        .from(orders)
        .innerJoin(orderLines, eq(orderLines.orderNumber, orders.number))
        .groupBy(sql`month`)
        .orderBy(sql`month desc`)
        .limit(12);
      const byCategory = await tx
        .select({ category: categories.name, ...sold })
        .from(orderLines)
        .innerJoin(books, eq(books.id, orderLines.bookId))
        .innerJoin(categories, eq(categories.id, books.categoryId))
        .groupBy(categories.id)
        .orderBy(desc(sold.revenueCents));
      const runningOut = await tx
        .select({ id: books.id, title: books.title, quantity: stock.quantity })
        .from(stock)
        .innerJoin(books, eq(books.id, stock.bookId))
        .where(lt(stock.quantity, 5))
        .orderBy(asc(stock.quantity), asc(books.id))
        .limit(20);
      return { months, categories: byCategory, runningOut };
    },
    { accessMode: "read only", isolationLevel: "repeatable read" },
  );
}
