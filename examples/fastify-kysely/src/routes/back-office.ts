import type { FastifyInstance } from "fastify";
import { type ExpressionBuilder, sql } from "kysely";
import type { Database, Tables } from "../database.ts";

export async function backOffice(app: FastifyInstance, { db }: { db: Database }) {
  app.get("/back-office/report", () => report(db));
}

/**
 * What was sold, and what is running out. Declared READ ONLY, so that it runs on a reader, however
 * long it takes; REPEATABLE READ is one snapshot, so its parts agree with each other.
 */
function report(db: Database) {
  return db
    .transaction()
    .setAccessMode("read only")
    .setIsolationLevel("repeatable read")
    .execute(async (tx) => {
      const months = await tx
        .selectFrom("orders")
        .innerJoin("orderLines", "orderLines.orderNumber", "orders.number")
        .select(sql<string>`date_trunc('month', placed_at)::date::text`.as("month"))
        .select(sold)
        .groupBy("month")
        .orderBy("month", "desc")
        .limit(12)
        .execute();
      const categories = await tx
        .selectFrom("orderLines")
        .innerJoin("books", "books.id", "orderLines.bookId")
        .innerJoin("categories", "categories.id", "books.categoryId")
        .select("categories.name as category")
        .select(sold)
        .groupBy("categories.id")
        .orderBy("revenueCents", "desc")
        .execute();
      const runningOut = await tx
        .selectFrom("stock")
        .innerJoin("books", "books.id", "stock.bookId")
        .select(["id", "title", "quantity"])
        .where("quantity", "<", 5)
        .orderBy("quantity")
        .orderBy("id")
        .limit(20)
        .execute();
      return { months, categories, runningOut };
    });
}

/** Sums of PostgreSQL's integers are bigints, which `pg` gives as texts. */
const sold = (of: ExpressionBuilder<Tables, "orderLines">) => [
  of.cast<number>(of.fn.sum("orderLines.quantity"), "integer").as("books"),
  of
    .cast<number>(
      of.fn.sum(of("orderLines.quantity", "*", of.ref("orderLines.priceCents"))),
      "double precision",
    )
    .as("revenueCents"),
];
