import { randomUUID } from "node:crypto";
import { relations } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { integer, pgTable, serial, text } from "drizzle-orm/pg-core";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { onTestFinished } from "vitest";
import { showing } from "./library.ts";

export const authors = pgTable("authors", {
  id: serial().primaryKey(),
  name: text().unique().notNull(),
});

export const books = pgTable("books", {
  id: serial().primaryKey(),
  title: text().notNull(),
  authorId: integer("author_id")
    .notNull()
    .references(() => authors.id),
});

export const notes = pgTable("notes", {
  id: serial().primaryKey(),
  tenant: text().notNull(),
  body: text().notNull(),
});

const authorRelations = relations(authors, ({ many }) => ({ books: many(books) }));
const bookRelations = relations(books, ({ one }) => ({
  author: one(authors, { fields: [books.authorId], references: [authors.id] }),
}));

const schema = { authors, books, notes, authorRelations, bookRelations };

export type Db = NodePgDatabase<typeof schema>;

/** The database of the shop through a pool, which is ended when the test is over. */
export function openDrizzle(options: PoolOptions): { db: Db & { $client: Pool }; pool: Pool } {
  const pool = createPool(options);
  const db = drizzle({ client: pool, schema });
  onTestFinished(() => (pool.ended ? undefined : pool.end()));
  return { db, pool };
}

/** An author whom no other test has. */
export async function newAuthor(db: Pick<Db, "insert">): Promise<typeof authors.$inferSelect> {
  const [author] = await db
    .insert(authors)
    .values({ name: `Author ${randomUUID()}` })
    .returning();
  if (author === undefined) throw new Error("An INSERT … RETURNING has returned no row.");
  return author;
}

export const shows = showing({
  name: "Drizzle",
  packageName: "drizzle-orm",
  through: "createPool()",
  without: { streaming: "Its queries of PostgreSQL have no streams." },
});
