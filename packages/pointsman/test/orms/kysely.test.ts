import { randomUUID } from "node:crypto";
import {
  type Generated,
  Kysely,
  Migrator,
  PostgresDialect,
  type PostgresDialectConfig,
  sql,
} from "kysely";
import Cursor from "pg-cursor";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import { showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const shows = showing({ name: "Kysely", packageName: "kysely", through: "createPool()" });

/** Types of pg-cursor and of Kysely differ in what a row is. */
const cursor = Cursor as unknown as NonNullable<PostgresDialectConfig["cursor"]>;

interface Tables {
  authors: { id: Generated<number>; name: string };
  books: { id: Generated<number>; title: string; author_id: number };
  notes: { id: Generated<number>; tenant: string; body: string };
}

function open(options: PoolOptions = shop.options()): { db: Kysely<Tables>; pool: Pool } {
  const pool = createPool(options);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor }) });
  onTestFinished(() => db.destroy());
  return { db, pool };
}

/** An author whom no other test has. */
async function newAuthor(db: Kysely<Tables>): Promise<{ id: number; name: string }> {
  const name = `Author ${randomUUID()}`;
  return db.insertInto("authors").values({ name }).returningAll().executeTakeFirstOrThrow();
}

const named = (db: Kysely<Tables>, name: string) =>
  db.selectFrom("authors").selectAll().where("name", "=", name).executeTakeFirst();

shows("crud", "creates, reads, updates and deletes", async () => {
  const { db } = open();
  const made = await onWriter(() => newAuthor(db));
  expect(await onReaders(() => named(db, made.name))).toEqual(made);
  await onWriter(() =>
    db
      .updateTable("authors")
      .set({ name: `${made.name} Jr.` })
      .where("id", "=", made.id)
      .execute(),
  );
  expect(await onReaders(() => named(db, `${made.name} Jr.`))).toMatchObject({ id: made.id });
  const gone = await onWriter(() =>
    db.deleteFrom("authors").where("id", "=", made.id).executeTakeFirst(),
  );
  expect(gone.numDeletedRows).toBe(1n);
});

shows("relations", "joins on a reader", async () => {
  const { db } = open();
  const author = await newAuthor(db);
  await db.insertInto("books").values({ title: "Solaris", author_id: author.id }).execute();
  const found = await onReaders(() =>
    db
      .selectFrom("books")
      .innerJoin("authors", "authors.id", "books.author_id")
      .select(["books.title", "authors.name"])
      .where("authors.id", "=", author.id)
      .execute(),
  );
  expect(found).toEqual([{ title: "Solaris", name: author.name }]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const { db } = open();
  for (let turn = 0; turn < 5; turn++) {
    const { name } = await newAuthor(db);
    expect(await named(db, name)).toMatchObject({ name });
  }
});

shows("transactions", "runs a transaction on the writer, and undoes one that fails", async () => {
  const { db } = open();
  const name = randomUUID();
  const failed = onWriter(() =>
    db.transaction().execute(async (tx) => {
      await tx.insertInto("authors").values({ name }).execute();
      expect(await named(tx, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await named(db, name)).toBeUndefined();
  await onWriter(() =>
    db.transaction().execute((tx) => tx.insertInto("authors").values({ name }).execute()),
  );
  expect(await onReaders(() => named(db, name))).toMatchObject({ name });
});

shows("nested", "goes back to a savepoint of a controlled transaction", async () => {
  const { db } = open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(async () => {
    const tx = await db.startTransaction().execute();
    await tx.insertInto("authors").values({ name: outer }).execute();
    const after = await tx.savepoint("inner").execute();
    await after.insertInto("authors").values({ name: inner }).execute();
    await after.rollbackToSavepoint("inner").execute();
    await tx.commit().execute();
  });
  expect([await named(db, outer), await named(db, inner)]).toEqual([
    expect.objectContaining({ name: outer }),
    undefined,
  ]);
});

shows("isolation", "sets the isolation level", async () => {
  const { db } = open();
  const level = await onWriter(() =>
    db
      .transaction()
      .setIsolationLevel("serializable")
      .execute((tx) => sql`show transaction_isolation`.execute(tx)),
  );
  expect(level.rows).toEqual([{ transaction_isolation: "serializable" }]);
});

shows("readOnly", "runs a READ ONLY transaction on a reader", async () => {
  const { db } = open();
  const { name } = await newAuthor(db);
  const found = await onReaders(() =>
    db
      .transaction()
      .setAccessMode("read only")
      .execute((tx) => named(tx, name)),
  );
  expect(found).toMatchObject({ name });
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const { db } = open();
  await onReaders(() => sql`select count(*) from authors`.execute(db));
  await onWriter(() => sql`select nextval('authors_id_seq')`.execute(db));
  await onWriter(() => sql`select id from authors for update`.execute(db));
});

shows("streaming", "streams from a reader", async () => {
  const { db } = open();
  const author = await newAuthor(db);
  const titles = Array.from({ length: 25 }, (_, at) => `Volume ${at}`);
  await db
    .insertInto("books")
    .values(titles.map((title) => ({ title, author_id: author.id })))
    .execute();
  const streamed = await onReaders(async () => {
    const found: string[] = [];
    const books = db.selectFrom("books").select("title").where("author_id", "=", author.id);
    for await (const { title } of books.orderBy("id").stream(10)) found.push(title);
    return found;
  });
  expect(streamed).toEqual(titles);
});

shows("migrations", "migrates once, however many start at the same time", async () => {
  const { db } = open();
  const table = `made_${randomUUID().replaceAll("-", "")}`;
  const migrator = (): Migrator =>
    new Migrator({
      db,
      migrationTableName: `${table}_migrations`,
      migrationLockTableName: `${table}_lock`,
      provider: {
        getMigrations: async () => ({
          one: { up: (on) => on.schema.createTable(table).addColumn("id", "integer").execute() },
          two: { up: (on) => sql`insert into ${sql.table(table)} values (1)`.execute(on) as never },
        }),
      },
    });
  const { ran } = await watch(async () => {
    for (const { error } of await Promise.all([1, 2, 3].map(() => migrator().migrateToLatest())))
      if (error !== undefined) throw error;
  });
  const { rows } = await sql`select id from ${sql.table(table)}`.execute(db);
  expect(rows).toEqual([{ id: 1 }]);
  const isLockOrWrite = (text: string): boolean => /advisory|create|insert/i.test(text);
  expect(ran.writer.some(isLockOrWrite)).toBe(true);
  expect(ran.readers.filter(isLockOrWrite)).toEqual([]);
});

shows("errors", "hands PostgreSQL's own error on", async () => {
  const { db } = open();
  const { name } = await newAuthor(db);
  const failed = db.insertInto("authors").values({ name }).execute();
  expect(await rejection(failed)).toMatchObject({
    name: "error",
    code: "23505",
    constraint: "authors_name_key",
  });
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const { db, pool } = open(shop.shopperOptions());
  const notesOf = (tenant: string) =>
    db
      .transaction()
      .setAccessMode("read only")
      .execute(async (tx) => {
        await sql`select set_config('app.tenant', ${tenant}, true)`.execute(tx);
        return tx.selectFrom("notes").select("body").execute();
      });
  const found = await onReaders(() => Promise.all(["north", "south", "nobody"].map(notesOf)));
  expect(found).toEqual([[{ body: "of north" }], [{ body: "of south" }], []]);
  const inScope = await onReaders(() =>
    pool.transaction(async (tx) => (await tx.query("select body from notes")).rows, {
      readOnly: true,
      set: { "app.tenant": "north" },
    }),
  );
  expect(inScope).toEqual([{ body: "of north" }]);
});

shows("events", "has each checkout told by the pool", async () => {
  const { db, pool } = open();
  const told: string[] = [];
  pool.on("acquire", () => told.push("acquire"));
  pool.on("release", () => told.push("release"));
  await newAuthor(db);
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "ends the pool, with nothing left", async () => {
  const application_name = randomUUID();
  const { db, pool } = open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(db), named(db, "nobody")]);
  await db.destroy();
  expect([pool.ended, await allConnectionsOf(shop, { application_name })]).toEqual([true, 0]);
});
