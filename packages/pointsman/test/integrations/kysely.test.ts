import { CamelCasePlugin, type Generated, Kysely, PostgresDialect, sql } from "kysely";
import Cursor from "pg-cursor";
import { WriterPlugin } from "pointsman/kysely";
import { beforeEach, describe, expect, it } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id serial primary key, book_title text not null);
    insert into books (book_title) values ('Kindred');
    create schema shelf;
    create table shelf.books as select * from books;`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

interface Database {
  books: { id: Generated<number>; book_title: string };
}

function open(): Kysely<Database> {
  const dialect = new PostgresDialect({ pool: local.pool(), cursor: Cursor as never });
  return new Kysely<Database>({ dialect });
}

const server = sql<string>`${sql.raw(here)}`.as("server");
const titled = (db: Pick<Kysely<Database>, "selectFrom">) =>
  db.selectFrom("books").select(server).where("book_title", "=", "Kindred");

/** One query of each kind of read that Kysely has, telling where it ran. */
const kinds: Record<string, (db: Kysely<Database>) => Promise<unknown>> = {
  "a select": async (db) => (await titled(db).executeTakeFirstOrThrow()).server,
  "a select without tables": async (db) =>
    (await db.selectNoFrom(server).executeTakeFirstOrThrow()).server,
  "a common table expression": async (db) =>
    (
      await db
        .with("some", (inner) => inner.selectFrom("books").select("id"))
        .selectFrom("some")
        .select(server)
        .executeTakeFirstOrThrow()
    ).server,
  "a common table expression with a schema": async (db) =>
    (
      await db
        .withSchema("shelf")
        .with("some", (inner) => inner.selectFrom("books").select("id"))
        .selectFrom("some")
        .innerJoin("books", "books.id", "some.id")
        .select(server)
        .executeTakeFirstOrThrow()
    ).server,
  "a union": async (db) => (await titled(db).union(titled(db)).executeTakeFirstOrThrow()).server,
  "a raw text": async (db) =>
    (await sql<{ server: string }>`select ${sql.raw(here)} as server, ${1}::int`.execute(db))
      .rows[0]?.server,
  "a stream": async (db) => {
    for await (const row of titled(db).stream()) return row.server;
    return undefined;
  },
  "a select among other plugins": async (db) => {
    const camel = db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<{
      books: { bookTitle: string };
    }>;
    const query = camel.selectFrom("books").select(["bookTitle", server]);
    const row = await query.executeTakeFirstOrThrow();
    return row.bookTitle === "Kindred" ? row.server : row;
  },
};

describe.each(Object.entries(kinds))("Kysely: %s", (_, ask) => {
  it("goes to a reader as ever, and to the writer with the plugin", async () => {
    const db = open();
    const places = [await ask(db), await ask(db.withPlugin(new WriterPlugin())), await ask(db)];
    expect(places).toEqual(["reader1", "writer", "reader1"]);
  });
});

describe("Kysely: WriterPlugin", () => {
  const routed = () => open().withPlugin(new WriterPlugin());

  it("leaves explain() a statement", async () => {
    const [plan] = await titled(routed()).explain();
    expect(plan).toHaveProperty("QUERY PLAN");
  });

  it("leaves what writes as it is", async () => {
    const db = routed();
    const { id } = await db
      .insertInto("books")
      .values({ book_title: "Fledgling" })
      .returning("id")
      .executeTakeFirstOrThrow();
    await db.updateTable("books").set({ book_title: "Dawn" }).where("id", "=", id).execute();
    const deleted = await db.deleteFrom("books").where("id", "=", id).returningAll().execute();
    expect(deleted).toEqual([{ id, book_title: "Dawn" }]);
  });

  it("leaves transactions where they are", async () => {
    const places = await routed()
      .transaction()
      .setAccessMode("read only")
      .execute(async (trx) => [await kinds["a select"]?.(trx), await kinds["a raw text"]?.(trx)]);
    expect(places).toEqual(["reader1", "reader1"]);
  });

  it("holds in controlled transactions, too", async () => {
    const trx = await routed().startTransaction().execute();
    const saved = await trx.savepoint("before").execute();
    await saved.insertInto("books").values({ book_title: "Nothing" }).execute();
    const place = await kinds["a select"]?.(saved as never);
    await saved.rollbackToSavepoint("before").execute();
    await trx.commit().execute();
    const left = await titled(open()).where("book_title", "=", "Nothing").execute();
    expect([place, left]).toEqual(["writer", []]);
  });

  it("fails as Kysely does", async () => {
    const error = await rejection(sql`select 1 / 0`.execute(routed()));
    expect(error.code).toBe("22012");
  });

  it("writes its hint before the text, for logs to show", () => {
    const texts = [
      titled(routed()).compile().sql,
      routed().with("some", titled).selectFrom("some").selectAll().compile().sql,
    ];
    expect(texts.map((text) => text.slice(0, 35))).toEqual([
      "/* pointsman:writer */ select curre",
      '/* pointsman:writer */ with "some" ',
    ]);
  });
});
