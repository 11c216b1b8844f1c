import { eq, relations, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { ConfigError } from "pointsman";
import { pointsman } from "pointsman/drizzle";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table authors (id int primary key, name text not null);
    create table books (id int primary key, title text not null, author_id int references authors);
    insert into authors values (1, 'Octavia Butler');
    insert into books values (1, 'Kindred', 1);`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const authors = pgTable("authors", { id: integer().primaryKey(), name: text().notNull() });
const books = pgTable("books", {
  id: integer().primaryKey(),
  title: text().notNull(),
  authorId: integer("author_id"),
});
const authorsRelations = relations(authors, ({ many }) => ({ books: many(books) }));
const booksRelations = relations(books, ({ one }) => ({
  author: one(authors, { fields: [books.authorId], references: [authors.id] }),
}));
const schema = { authors, books, authorsRelations, booksRelations };

const open = () => pointsman(drizzle(local.pool(), { schema }));
/** Of the pool, or of a transaction. */
type Database = Omit<ReturnType<typeof open>["$writer"], "$client">;

const server = sql<string>`${sql.raw(here)}`.as("server");

/** One query of each kind that Drizzle has, telling where it ran. */
const kinds: Record<string, (db: Database) => Promise<string | undefined>> = {
  "select()": async (db) => (await db.select({ server }).from(books))[0]?.server,
  "selectDistinct()": async (db) => (await db.selectDistinct({ server }).from(books))[0]?.server,
  "a join in a common table expression": async (db) => {
    const some = db.$with("some").as(db.select({ id: books.id }).from(books));
    const joined = db.with(some).select({ server }).from(some);
    return (await joined.innerJoin(books, eq(books.id, some.id)))[0]?.server;
  },
  "a relational query": async (db) =>
    (await db.query.authors.findFirst({ extras: { server }, with: { books: true } }))?.server,
  "a prepared query": async (db) => {
    const query = db
      .select({ server })
      .from(books)
      .where(eq(books.id, sql.placeholder("id")))
      .prepare("book");
    return (await query.execute({ id: 1 }))[0]?.server;
  },
  "execute()": async (db) =>
    (await db.execute<{ server: string }>(sql.raw(`select ${here} as server`))).rows[0]?.server,
};

describe.each(Object.entries(kinds))("Drizzle: %s", (_, ask) => {
  it("goes to a reader as ever, and to the writer through $writer", async () => {
    const db = open();
    expect([await ask(db), await ask(db.$writer), await ask(db)]).toEqual([
      "reader1",
      "writer",
      "reader1",
    ]);
  });
});

describe("Drizzle: $writer", () => {
  it("counts on the writer", async () => {
    const db = open();
    const mark = newMark();
    const marked = sql`${sql.raw(mark)} true`;
    const counts = [await db.$count(books, marked), await db.$writer.$count(books, marked)];
    expect([counts, local.runs(mark)]).toEqual([[1, 1], { writer: 1, reader1: 1 }]);
  });

  it("keeps a READ ONLY transaction on the writer, which is otherwise a reader's", async () => {
    const db = open();
    const inside = (routed: Database) =>
      routed.transaction((tx) => kinds["select()"]?.(tx) ?? Promise.resolve(undefined), {
        accessMode: "read only",
      });
    expect([await inside(db), await inside(db.$writer)]).toEqual(["reader1", "writer"]);
  });

  it("runs transactions as wholes, nested and rolled back", async () => {
    const db = open().$writer;
    await db.transaction(async (tx) => {
      await tx.insert(authors).values({ id: 2, name: "outer" });
      await rejection(
        tx.transaction(async (inner) => {
          await inner.insert(authors).values({ id: 3, name: "inner" });
          inner.rollback();
        }),
      );
    });
    const rows = await db.select({ id: authors.id }).from(authors).orderBy(authors.id);
    expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("is taken inside of a transaction, too", async () => {
    const db = open();
    const place = await db.transaction(async (tx) => kinds["select()"]?.(pointsman(tx).$writer));
    expect(place).toBe("writer");
  });

  it("fails as Drizzle does", async () => {
    const error = await rejection(open().$writer.execute(sql`select 1 / 0`).execute());
    expect([error.constructor.name, error.cause]).toEqual([
      "DrizzleQueryError",
      expect.objectContaining({ code: "22012" }),
    ]);
  });

  it("has the types of the database", () => {
    expectTypeOf(() =>
      open().$writer.query.books.findMany({ with: { author: true } }),
    ).returns.resolves.items.toEqualTypeOf<{
      id: number;
      title: string;
      authorId: number | null;
      author: { id: number; name: string } | null;
    }>();
  });
});

describe("Drizzle: $freshness()", () => {
  it("says how fresh reads must be, and whether they wait for what was written", async () => {
    const db = open();
    await local.cluster.lag(300);
    try {
      await db.insert(authors).values({ id: 10, name: "just now" });
      const strong = await kinds["select()"]?.(db.$freshness({ consistency: "strong" }));
      const eventual = await kinds["select()"]?.(db.$freshness({ consistency: "eventual" }));
      const asEver = await kinds["select()"]?.(db);
      expect([strong, eventual, asEver]).toEqual(["writer", "reader1", "writer"]);
    } finally {
      await local.cluster.lag(0);
    }
  });

  it("refuses what is none at once", () => {
    const db = open();
    expect(() => db.$freshness({ maxStaleness: "soon" as never })).toThrow(ConfigError);
  });
});

it("Drizzle: what is no database is refused", () => {
  expect(() => pointsman(local.pool())).toThrow("This is no database of Drizzle.");
});
