import { randomUUID } from "node:crypto";
import { DrizzleQueryError, eq, inArray, sql, TransactionRollbackError } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { union } from "drizzle-orm/pg-core";
import QueryStream from "pg-query-stream";
import { withWriter } from "pointsman";
import { expect, it } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import { authors, books, type Db, newAuthor, openDrizzle, shows } from "./support/drizzle-shop.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const open = (options = shop.options()) => openDrizzle(options);

const named = async (db: Pick<Db, "select">, name: string) =>
  (await db.select().from(authors).where(eq(authors.name, name)))[0];

shows("crud", "creates, reads, updates and deletes", async () => {
  const { db } = open();
  const made = await onWriter(() => newAuthor(db));
  expect(await onReaders(() => named(db, made.name))).toEqual(made);
  const renamed = `${made.name} Jr.`;
  await onWriter(() => db.update(authors).set({ name: renamed }).where(eq(authors.id, made.id)));
  expect(await onReaders(() => named(db, renamed))).toEqual({ id: made.id, name: renamed });
  const gone = await onWriter(() => db.delete(authors).where(eq(authors.id, made.id)));
  expect(gone.rowCount).toBe(1);
});

shows("crud", "upserts on the writer, and returns what it has written", async () => {
  const { db } = open();
  const { id, name } = await newAuthor(db);
  const upserted = await onWriter(() =>
    db
      .insert(authors)
      .values({ name })
      .onConflictDoUpdate({ target: authors.name, set: { name: `${name} Jr.` } })
      .returning(),
  );
  expect(upserted).toEqual([{ id, name: `${name} Jr.` }]);
});

shows("crud", "counts, and asks sets, on readers", async () => {
  const { db } = open();
  const { id, name } = await newAuthor(db);
  expect(await onReaders(() => db.$count(authors, eq(authors.id, id)))).toBe(1);
  const both = await onReaders(() =>
    union(
      db.select({ name: authors.name }).from(authors).where(eq(authors.id, id)),
      db
        .select({ name: books.title })
        .from(books)
        .where(inArray(books.id, [-1])),
    ),
  );
  expect(both).toEqual([{ name }]);
});

shows("relations", "joins on a reader", async () => {
  const { db } = open();
  const author = await newAuthor(db);
  await db.insert(books).values({ title: "Solaris", authorId: author.id });
  const found = await onReaders(() =>
    db
      .select({ title: books.title, name: authors.name })
      .from(books)
      .innerJoin(authors, eq(authors.id, books.authorId))
      .where(eq(authors.id, author.id)),
  );
  expect(found).toEqual([{ title: "Solaris", name: author.name }]);
});

shows("relations", "asks relational queries on a reader", async () => {
  const { db } = open();
  const author = await newAuthor(db);
  await db
    .insert(books)
    .values(["Fiasco", "Eden"].map((title) => ({ title, authorId: author.id })));
  const many = await onReaders(() =>
    db.query.authors.findMany({
      where: eq(authors.id, author.id),
      with: { books: { columns: { title: true }, orderBy: books.title } },
    }),
  );
  expect(many).toEqual([{ ...author, books: [{ title: "Eden" }, { title: "Fiasco" }] }]);
  const first = await onReaders(() =>
    db.query.books.findFirst({ where: eq(books.title, "Eden"), with: { author: true } }),
  );
  expect(first?.author).toEqual(author);
});

shows(
  "relations",
  "reads a common table expression on a reader, and writes one on the writer",
  async () => {
    const { db } = open();
    const author = await newAuthor(db);
    const chosen = db
      .$with("chosen")
      .as(db.select().from(authors).where(eq(authors.id, author.id)));
    expect(await onReaders(() => db.with(chosen).select().from(chosen))).toEqual([author]);
    const made = db
      .$with("made")
      .as(
        db
          .insert(books)
          .values({ title: "Eden", authorId: author.id })
          .returning({ title: books.title }),
      );
    expect(await onWriter(() => db.with(made).select().from(made))).toEqual([{ title: "Eden" }]);
    const gone = await onWriter(() =>
      db
        .with(chosen)
        .delete(books)
        .where(inArray(books.authorId, db.select({ id: chosen.id }).from(chosen)))
        .returning({ title: books.title }),
    );
    expect(gone).toEqual([{ title: "Eden" }]);
  },
);

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const { db } = open();
  for (let turn = 0; turn < 5; turn++) {
    const { id, name } = await newAuthor(db);
    expect(await db.query.authors.findFirst({ where: eq(authors.id, id) })).toEqual({ id, name });
    await db.transaction((tx) => tx.delete(authors).where(eq(authors.id, id)));
    expect(await named(db, name)).toBeUndefined();
  }
});

shows("transactions", "runs a transaction on the writer, and undoes one that fails", async () => {
  const { db } = open();
  const name = randomUUID();
  const failed = onWriter(() =>
    db.transaction(async (tx) => {
      await tx.insert(authors).values({ name });
      expect(await named(tx, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  const rolledBack = db.transaction(async (tx) => {
    await tx.insert(authors).values({ name });
    tx.rollback();
  });
  expect(await rejection(rolledBack)).toBeInstanceOf(TransactionRollbackError);
  expect(await named(db, name)).toBeUndefined();
  await onWriter(() => db.transaction((tx) => tx.insert(authors).values({ name })));
  expect(await onReaders(() => named(db, name))).toMatchObject({ name });
});

shows("transactions", "joins a transaction of the pool, with no tx at hand", async () => {
  const { db, pool } = open();
  let name = "";
  const failed = onWriter(() =>
    pool.transaction(async () => {
      ({ name } = await newAuthor(db));
      expect(await named(db, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await named(db, name)).toBeUndefined();
});

shows("transactions", "opens a transaction on a client that was taken by hand", async () => {
  const { pool } = open();
  const client = await pool.connect();
  const db = drizzle(client);
  try {
    const { name } = await onWriter(() => db.transaction((tx) => newAuthor(tx)));
    expect(await named(db, name)).toMatchObject({ name });
  } finally {
    client.release();
  }
});

shows("nested", "goes back to a savepoint", async () => {
  const { db } = open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  const { ran } = await watch(() =>
    db.transaction(async (tx) => {
      await tx.insert(authors).values({ name: outer });
      const failed = tx.transaction(async (nested) => {
        await nested.insert(authors).values({ name: inner });
        nested.rollback();
      });
      expect(await rejection(failed)).toBeInstanceOf(TransactionRollbackError);
    }),
  );
  expect(ran.readers).toEqual([]);
  expect(ran.writer).toContain("rollback to savepoint sp1");
  expect([await named(db, outer), await named(db, inner)]).toEqual([
    expect.objectContaining({ name: outer }),
    undefined,
  ]);
});

shows("isolation", "sets the isolation level", async () => {
  const { db } = open();
  const level = await onWriter(() =>
    db.transaction((tx) => tx.execute(sql`show transaction_isolation`), {
      isolationLevel: "serializable",
    }),
  );
  expect(level.rows).toEqual([{ transaction_isolation: "serializable" }]);
});

shows("readOnly", "runs a READ ONLY transaction on a reader", async () => {
  const { db } = open();
  const { name } = await newAuthor(db);
  const found = await onReaders(() =>
    db.transaction((tx) => named(tx, name), {
      accessMode: "read only",
      isolationLevel: "repeatable read",
    }),
  );
  expect(found).toMatchObject({ name });
});

shows("readOnly", "sees its own write in a READ ONLY transaction, while readers lag", async () => {
  const { db } = open();
  for (let turn = 0; turn < 5; turn++) {
    const { name } = await newAuthor(db);
    const found = await db.transaction((tx) => named(tx, name), { accessMode: "read only" });
    expect(found).toMatchObject({ name });
  }
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const { db } = open();
  await onReaders(() => db.execute(sql`select count(*) from ${authors}`));
  await onWriter(() => db.execute(sql`select nextval('authors_id_seq')`));
  await onWriter(() => db.execute(sql`select id from ${authors} for update`));
  await onWriter(() => db.select().from(authors).for("update"));
  await onWriter(() => db.select({ lock: sql`pg_advisory_xact_lock(1)` }).from(authors));
});

shows("raw", "runs a prepared statement under one name on readers and on the writer", async () => {
  const { db } = open();
  const author = await newAuthor(db);
  const byId = db
    .select()
    .from(authors)
    .where(eq(authors.id, sql.placeholder("id")))
    .prepare("author_by_id");
  const ask = () => byId.execute({ id: author.id });
  for (let turn = 0; turn < 3; turn++) {
    expect(await onReaders(() => Promise.all([ask(), ask(), ask()]))).toEqual(
      Array(3).fill([author]),
    );
    expect(await onWriter(() => withWriter(ask))).toEqual([author]);
  }
  const rename = db
    .update(authors)
    .set({ name: sql`${authors.name} || '!'` })
    .where(eq(authors.id, sql.placeholder("id")))
    .prepare("rename_author");
  await onWriter(() => rename.execute({ id: author.id }));
  expect(await ask()).toEqual([{ ...author, name: `${author.name}!` }]);
});

shows("errors", "wraps PostgreSQL's own error", async () => {
  const { db } = open();
  const { name } = await newAuthor(db);
  const error = await rejection(db.insert(authors).values({ name }));
  expect(error).toBeInstanceOf(DrizzleQueryError);
  expect(error.cause).toMatchObject({
    name: "error",
    code: "23505",
    constraint: "authors_name_key",
  });
  expect(await rejection(db.execute(sql`select * from nowhere`))).toMatchObject({
    cause: { code: "42P01" },
  });
});

shows("events", "has each transaction told by the pool", async () => {
  const { db, pool } = open();
  const told: string[] = [];
  pool.on("acquire", () => told.push("acquire"));
  pool.on("release", () => told.push("release"));
  await db.transaction((tx) => newAuthor(tx));
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "ends the pool, with nothing left", async () => {
  const application_name = randomUUID();
  const { db, pool } = open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(db), named(db, "nobody"), db.transaction((tx) => newAuthor(tx))]);
  await db.$client.end();
  expect([pool.ended, await allConnectionsOf(shop, { application_name })]).toEqual([true, 0]);
});

it("takes the pool itself for db.$client, in each form of drizzle()", async () => {
  const { pool } = open();
  for (const db of [drizzle(pool), drizzle({ client: pool })]) {
    expect(db.$client).toBe(pool);
    await onReaders(() => db.select().from(authors));
  }
});

it("gives its SQL to a stream of pg-query-stream, which runs on a reader", async () => {
  const { db, pool } = open();
  const author = await newAuthor(db);
  const titles = ["Eden", "Fiasco", "Solaris"];
  await db.insert(books).values(titles.map((title) => ({ title, authorId: author.id })));
  const query = db
    .select({ title: books.title })
    .from(books)
    .where(eq(books.authorId, author.id))
    .orderBy(books.title)
    .toSQL();
  const streamed = await onReaders(async () => {
    const found: string[] = [];
    const stream = new QueryStream(query.sql, query.params);
    pool.query(stream);
    for await (const { title } of stream) found.push(title);
    return found;
  });
  expect(streamed).toEqual(titles);
});

it("sets a time zone where connections are made, for readers and the writer", async () => {
  const { db } = open({ ...shop.options(), options: "-c timezone=Asia/Tokyo" });
  const zone = async () => (await db.execute<{ TimeZone: string }>(sql`show time zone`)).rows;
  expect(await onReaders(zone)).toEqual([{ TimeZone: "Asia/Tokyo" }]);
  expect(await onWriter(() => withWriter(zone))).toEqual([{ TimeZone: "Asia/Tokyo" }]);
});
