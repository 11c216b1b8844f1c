import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import pgPromise, { type IDatabase, type IInitOptions } from "pg-promise";
import type { PoolOptions } from "pointsman";
import driver from "pointsman/pg";
import { beforeAll, expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection, until } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

// pg-promise knows only the QueryStream that has this very name and shape.
const QueryStream = createRequire(import.meta.url)("pg-query-stream");

const shop = openShop();
const { onReaders, onWriter } = shop;
const shows = showingUses({
  name: "pg-promise",
  packageName: "pg-promise",
  through: "pointsman/pg",
});
const { TransactionMode, isolationLevel } = pgPromise.txMode;

beforeAll(() => shop.setUp("create schema shelf; create table shelf.only_here (n int)"));

interface Author {
  readonly id: number;
  readonly name: string;
}

/** A database object of its own: one for the same options would be warned of. */
function open(options: PoolOptions = {}, init: IInitOptions = {}): IDatabase<object> {
  const pgp = pgPromise(init);
  Object.assign(pgp, { pg: driver });
  const all = { ...shop.options(), application_name: randomUUID(), ...options };
  const db = pgp(all as object);
  onTestFinished(async () => {
    if (!db.$pool.ended) await db.$pool.end();
  });
  return db;
}

const insert = "insert into authors (name) values ($1) returning *";
const byName = "select * from authors where name = $<name>";

/** An author whom no other test has. */
const newAuthor = (db: Pick<IDatabase<object>, "one">): Promise<Author> =>
  db.one<Author>(insert, [`Author ${randomUUID()}`]);

const named = (db: Pick<IDatabase<object>, "oneOrNone">, name: string) =>
  db.oneOrNone<Author>(byName, { name });

shows("Create, read, update, delete", "creates, reads, updates and deletes", async () => {
  const db = open();
  const made = await onWriter(() => newAuthor(db));
  expect(await onReaders(() => named(db, made.name))).toEqual(made);
  const renamed = { id: made.id, name: `${made.name} Jr.` };
  await onWriter(() => db.none("update authors set name = $<name> where id = $<id>", renamed));
  expect(await onReaders(() => named(db, renamed.name))).toEqual(renamed);
  const gone = await onWriter(() => db.result("delete from authors where id = $1", made.id));
  expect(gone.rowCount).toBe(1);
});

shows("Reads its own writes", "reads what it has just written, while readers lag", async () => {
  const db = open();
  for (let turn = 0; turn < 5; turn++) {
    const made = await newAuthor(db);
    expect(await named(db, made.name)).toEqual(made);
  }
});

shows(
  "Tasks",
  "reads from readers in a task, and what the task has written from the writer",
  async () => {
    const db = open();
    const made = await newAuthor(db);
    const found = await onReaders(() =>
      db.task(async (task) => [await named(task, made.name), await named(task, "nobody")]),
    );
    expect(found).toEqual([made, null]);
    await onWriter(() => db.task(async (task) => expect(await newAuthor(task)).toBeDefined()));
  },
);

shows("Prepared statements", "prepares a statement where it runs", async () => {
  const db = open();
  const made = await newAuthor(db);
  const statement = new pgPromise.PreparedStatement({
    name: "author-by-name",
    text: "select * from authors where name = $1",
    values: [made.name],
  });
  for (let turn = 0; turn < 4; turn++) {
    expect(await onReaders(() => db.one(statement))).toEqual(made);
  }
});

shows("Transactions", "runs a transaction on the writer, and undoes one that fails", async () => {
  const db = open();
  const name = randomUUID();
  const failed = onWriter(() =>
    db.tx(async (tx) => {
      await tx.none("insert into authors (name) values ($1)", name);
      expect(await named(tx, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await named(db, name)).toBeNull();
  await onWriter(() => db.tx((tx) => tx.none("insert into authors (name) values ($1)", name)));
  expect(await onReaders(() => named(db, name))).toMatchObject({ name });
});

shows("Nested transactions", "goes back to the savepoint of an inner tx that fails", async () => {
  const db = open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(() =>
    db.tx(async (tx) => {
      await tx.none("insert into authors (name) values ($1)", outer);
      const failed = tx.tx(async (within) => {
        await within.none("insert into authors (name) values ($1)", inner);
        throw new Error("not this");
      });
      await rejection(failed);
    }),
  );
  expect([await named(db, outer), await named(db, inner)]).toEqual([
    expect.objectContaining({ name: outer }),
    null,
  ]);
});

shows("Nested transactions", "opens no second transaction by txIf within a tx", async () => {
  const db = open();
  const { ran } = await shop.watch(() => db.tx((tx) => tx.txIf((within) => newAuthor(within))));
  expect(ran.writer.filter((text) => /begin|savepoint|insert|commit/i.test(text))).toEqual([
    "begin",
    expect.stringContaining("insert"),
    "commit",
  ]);
});

shows("Isolation levels", "sets the isolation level", async () => {
  const mode = new TransactionMode({ tiLevel: isolationLevel.serializable });
  const level = await onWriter(() =>
    open().tx({ mode }, (tx) => tx.one("show transaction_isolation")),
  );
  expect(level).toEqual({ transaction_isolation: "serializable" });
});

shows("READ ONLY transactions", "runs a READ ONLY transaction on a reader", async () => {
  const db = open();
  const made = await newAuthor(db);
  const mode = new TransactionMode({ readOnly: true });
  expect(await onReaders(() => db.tx({ mode }, (tx) => named(tx, made.name)))).toEqual(made);
});

shows("Streaming", "streams from a reader", async () => {
  const db = open();
  await db.none(
    "insert into authors (name) select $1 || n from generate_series(1, 25) n",
    "streamed ",
  );
  const count = await onReaders(async () => {
    const names: string[] = [];
    const { processed } = await db.stream(
      new QueryStream("select name from authors where name like $1", ["streamed %"], {
        batchSize: 10,
      }),
      (stream) => stream.on("data", ({ name }) => names.push(name)),
    );
    return [processed, names.length];
  });
  expect(count).toEqual([25, 25]);
});

shows(
  "Several statements",
  "runs several statements on the writer if one of them writes",
  async () => {
    const db = open();
    const both = await onWriter(() =>
      db.multi("insert into authors (name) values ($1) returning name; select 1 as one", [
        randomUUID(),
      ]),
    );
    expect(both[1]).toEqual([{ one: 1 }]);
  },
);

shows("Its own errors", "hands PostgreSQL's own error on, and tells its events", async () => {
  const told: string[] = [];
  const db = open({}, { error: (error) => told.push(error.code) });
  const { name } = await newAuthor(db);
  const failed = db.none("insert into authors (name) values ($1)", name);
  expect(await rejection(failed)).toMatchObject({ code: "23505", constraint: "authors_name_key" });
  expect(await rejection(db.one(byName, { name: "nobody" }))).toBeInstanceOf(
    pgPromise.errors.QueryResultError,
  );
  expect(told).toEqual(["23505", pgPromise.errors.queryResultErrorCode.noData]);
});

shows("Tenants (row-level security)", "shows a tenant its own rows, on a reader", async () => {
  const db = open(shop.shopperOptions());
  const mode = new TransactionMode({ readOnly: true });
  const notesOf = (tenant: string) =>
    db.tx({ mode }, async (tx) => {
      await tx.one("select set_config('app.tenant', $1, true)", tenant);
      return tx.any("select body from notes");
    });
  const found = await onReaders(() => Promise.all(["north", "south", "nobody"].map(notesOf)));
  expect(found).toEqual([[{ body: "of north" }], [{ body: "of south" }], []]);
  expect(await onReaders(() => db.any("select body from notes"))).toEqual([]);
});

shows("Pool events", "tells connect and disconnect of each use", async () => {
  const told: string[] = [];
  const db = open(
    {},
    { connect: () => told.push("connect"), disconnect: () => told.push("disconnect") },
  );
  await newAuthor(db);
  await named(db, "nobody");
  expect(told).toEqual(["connect", "disconnect", "connect", "disconnect"]);
});

shows("Schemas", "looks into the schema that its option names, on the writer only", async () => {
  const db = open({}, { schema: "shelf" });
  for (let turn = 0; turn < 3; turn++) {
    const found = [1, 2, 3].map(() => db.any("select * from only_here"));
    expect(await onWriter(() => Promise.all(found))).toEqual([[], [], []]);
  }
});

shows(
  "Schemas",
  "looks into the schema that its connections are opened with, on readers",
  async () => {
    const db = open({ options: "-c search_path=shelf" });
    expect(await onReaders(() => db.any("select * from only_here"))).toEqual([]);
  },
);

shows("LISTEN", "hears what is told, on a connection of its own to the writer", async () => {
  const db = open();
  const held = await db.connect({ direct: true });
  const heard: string[] = [];
  held.client.on("notification", ({ payload }) => heard.push(payload ?? ""));
  await onWriter(() => held.none("listen $1:name", "told"));
  await onWriter(() => db.any("select pg_notify('told', 'news')"));
  await until("it is heard", () => heard.includes("news"));
  await held.done();
});

shows("Shutdown", "ends the pool, with nothing left", async () => {
  const application_name = randomUUID();
  const db = open({ application_name });
  await Promise.all([newAuthor(db), named(db, "nobody")]);
  await db.$pool.end();
  expect([db.$pool.ended, await allConnectionsOf(shop, { application_name })]).toEqual([true, 0]);
});
