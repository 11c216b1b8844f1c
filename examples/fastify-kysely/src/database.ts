import { CamelCasePlugin, type Generated, Kysely, PostgresDialect } from "kysely";
import type { Pool } from "pointsman";

/** The tables, as migrations/001-shop.ts makes them. */
export interface Tables {
  authors: { id: Generated<number>; name: string };
  categories: { id: Generated<number>; slug: string; name: string };
  books: {
    id: Generated<number>;
    title: string;
    authorId: number;
    categoryId: number;
    priceCents: number;
  };
  stock: { bookId: number; quantity: number };
  customers: { id: Generated<number>; name: string; email: string; joinedAt: Generated<Date> };
  reviews: {
    bookId: number;
    customerId: number;
    rating: number;
    body: string;
    writtenAt: Generated<Date>;
  };
  orders: {
    number: Generated<number>;
    customerId: number;
    totalCents: number;
    placedAt: Generated<Date>;
  };
  orderLines: { orderNumber: number; bookId: number; quantity: number; priceCents: number };
}

export type Database = Kysely<Tables>;

/**
 * The database over a pool, which stays the caller's to end. There is no second one for reads:
 * each statement goes where it belongs by itself.
 */
export function databaseOn(pool: Pool): Database {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
}
