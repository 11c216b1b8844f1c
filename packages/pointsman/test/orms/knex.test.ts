import { randomUUID } from "node:crypto";
import { type Knex, knex } from "knex";
import PostgresClient from "knex/lib/dialects/postgres/index.js";
import { createPool, type PoolOptions } from "pointsman";
import driver from "pointsman/pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection, until } from "../support/waiting.ts";
import { type Library, showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;

/** Knex's client for PostgreSQL on the module in the place of pg. */
class RoutedClient extends PostgresClient {
  override _driver(): object {
    return driver;
  }
}

/** Nothing of what Knex says is looked at. */
const quiet = { warn: () => {}, error: () => {} };

interface Opened {
  readonly db: Knex;
  /** Closes it, with all that is open for it. */
  close(): Promise<void>;
  /** What its pool tells from now on. */
  told(): string[];
}

/** How Knex is given what routes. */
interface Way extends Pick<Library, "through"> {
  open(options: PoolOptions, config: Partial<Knex.Config>): Opened;
  /** Has something streamed. */
  streaming<T>(db: Knex, stream: (db: Knex) => Promise<T>): Promise<T>;
}

const ways: readonly Way[] = [
  {
    through: "pointsman/pg",
    open(options, config) {
      const connection = { ...options } as Knex.StaticConnectionConfig;
      const db = knex({ client: RoutedClient as never, connection, log: quiet, ...config });
      const told = (): string[] => {
        const events: string[] = [];
        db.client.pool.on("acquireSuccess", () => events.push("acquire"));
        db.client.pool.on("release", () => events.push("release"));
        return events;
      };
      return { db, close: () => db.destroy(), told };
    },
    streaming: (db, stream) => stream(db),
  },
  {
    through: "createPool()",
    open(options, config) {
      const pool = createPool(options);
      const db = knex({ client: "pg", connectionPool: pool, log: quiet, ...config });
      const close = async (): Promise<void> => {
        await db.destroy();
        if (!pool.ending) await pool.end();
      };
      const told = (): string[] => {
        const events: string[] = [];
        pool.on("acquire", () => events.push("acquire"));
        pool.on("release", () => events.push("release"));
        return events;
      };
      return { db, close, told };
    },
    // Outside of transactions Knex gives the connection of a stream back twice, to any pg.Pool.
    streaming: (db, stream) => db.transaction(stream, { readOnly: true }),
  },
];

describe.for(ways)("Knex on $through", (way) => {
  const { through } = way;
  const shows = showing({ name: "Knex", packageName: "knex", through });

  /** Knex that has asked for the version already, as it does once. */
  async function open(
    options: PoolOptions = shop.options(),
    config: Partial<Knex.Config> = {},
  ): Promise<Opened> {
    const opened = way.open(options, config);
    onTestFinished(() => opened.close());
    await opened.db.raw("select 1");
    return opened;
  }

  /** An author whom no other test has. */
  async function newAuthor(db: Knex): Promise<{ id: number; name: string }> {
    const [author] = await db("authors")
      .insert({ name: `Author ${randomUUID()}` })
      .returning("*");
    return author;
  }

  const named = (db: Knex, name: string) => db("authors").where({ name }).first();

  shows("crud", "creates, reads, updates and deletes", async () => {
    const { db } = await open();
    const made = await onWriter(() => newAuthor(db));
    expect(await onReaders(() => named(db, made.name))).toEqual(made);
    const name = `${made.name} Jr.`;
    await onWriter(() => db("authors").where({ id: made.id }).update({ name }));
    expect(await onReaders(() => named(db, name))).toEqual({ id: made.id, name });
    await onWriter(() => db("authors").insert({ name }).onConflict("name").ignore());
    expect(await onWriter(() => db("authors").where({ id: made.id }).delete())).toBe(1);
  });

  shows("relations", "joins on a reader", async () => {
    const { db } = await open();
    const author = await newAuthor(db);
    await db("books").insert({ title: "Solaris", author_id: author.id });
    const found = await onReaders(() =>
      db("books")
        .join("authors", "authors.id", "books.author_id")
        .where("authors.id", author.id)
        .select("title", "name"),
    );
    expect(found).toEqual([{ title: "Solaris", name: author.name }]);
  });

  shows("ownWrites", "reads what it has just written, while readers lag", async () => {
    const { db } = await open();
    for (let turn = 0; turn < 5; turn++) {
      const made = await newAuthor(db);
      expect(await named(db, made.name)).toEqual(made);
    }
  });

  shows("ownWrites", "reads from readers again after a write, by the same connection", async () => {
    const { db } = await open({ ...shop.options(), max: 1 }, { pool: { min: 1, max: 1 } });
    const made = await newAuthor(db);
    expect(await onReaders(() => named(db, made.name))).toEqual(made);
  });

  shows("transactions", "runs one on the writer, and undoes one that fails", async () => {
    const { db } = await open();
    const name = randomUUID();
    const failed = onWriter(() =>
      db.transaction(async (trx) => {
        await trx("authors").insert({ name });
        expect(await trx("authors").where({ name }).first()).toMatchObject({ name });
        throw new Error("not this");
      }),
    );
    expect((await rejection(failed)).message).toBe("not this");
    expect(await named(db, name)).toBeUndefined();
    await onWriter(() => db.transaction((trx) => trx("authors").insert({ name })));
    expect(await onReaders(() => named(db, name))).toMatchObject({ name });
  });

  shows("transactions", "runs one that is committed by hand, and a provider of one", async () => {
    const { db } = await open();
    const names = [randomUUID(), randomUUID()];
    await onWriter(async () => {
      const byHand = await db.transaction();
      await byHand("authors").insert({ name: names[0] });
      await byHand.commit();
      const provider = db.transactionProvider();
      const trx = await provider();
      await db("authors").insert({ name: names[1] }).transacting(trx);
      await trx.rollback();
    });
    const found = await db("authors").whereIn("name", names).pluck("name");
    expect(found).toEqual([names[0]]);
  });

  shows("nested", "nests transactions as savepoints", async () => {
    const { db } = await open();
    const [outer, inner] = [randomUUID(), randomUUID()];
    await onWriter(() =>
      db.transaction(async (trx) => {
        await trx("authors").insert({ name: outer });
        const failed = trx.transaction(async (savepoint) => {
          await savepoint("authors").insert({ name: inner });
          throw new Error("inner");
        });
        expect((await rejection(failed)).message).toBe("inner");
      }),
    );
    expect(await db("authors").whereIn("name", [outer, inner]).pluck("name")).toEqual([outer]);
  });

  shows("isolation", "sets the isolation level", async () => {
    const { db } = await open();
    const level = await onWriter(() =>
      db.transaction((trx) => trx.raw("show transaction_isolation"), {
        isolationLevel: "serializable",
      }),
    );
    expect(level.rows).toEqual([{ transaction_isolation: "serializable" }]);
  });

  shows("readOnly", "runs a READ ONLY transaction on a reader", async () => {
    const { db } = await open();
    const { name } = await newAuthor(db);
    const options = { readOnly: true, isolationLevel: "repeatable read" } as const;
    const found = await onReaders(() =>
      db.transaction((trx) => trx("authors").where({ name }).first(), options),
    );
    expect(found).toMatchObject({ name });
  });

  shows("raw", "sends raw SQL where it belongs", async () => {
    const { db } = await open();
    await onReaders(() => db.raw("select count(*) from authors where name <> ?", ["nobody"]));
    await onWriter(() => db.raw("select nextval('authors_id_seq')"));
    await onWriter(() => db("authors").select("id").forUpdate().skipLocked().limit(1));
  });

  shows("streaming", "streams from a reader", async () => {
    const { db } = await open();
    const author = await newAuthor(db);
    const titles = Array.from({ length: 25 }, (_, at) => `Volume ${at}`);
    await db("books").insert(titles.map((title) => ({ title, author_id: author.id })));
    const books = (on: Knex) => on("books").where({ author_id: author.id }).orderBy("id");
    const streamed = await onReaders(() =>
      way.streaming(db, async (on) => {
        const found: string[] = [];
        for await (const { title } of books(on).stream({ highWaterMark: 10 })) found.push(title);
        return found;
      }),
    );
    expect(streamed).toEqual(titles);
  });

  shows("streaming", "has its connection back when a stream is left early", async () => {
    const { db } = await open({ ...shop.options(), max: 1 }, { pool: { min: 0, max: 1 } });
    const first = await onReaders(() =>
      way.streaming(db, async (on) => {
        const numbers = on.select(on.raw("generate_series(1, 100000) as n"));
        for await (const { n } of numbers.stream({ highWaterMark: 10 })) return n;
      }),
    );
    expect([first, await db("authors").where({ name: "nobody" })]).toEqual([1, []]);
  });

  shows("migrations", "migrates once, however many start at the same time", async () => {
    const { db } = await open();
    const table = `made_${randomUUID().replaceAll("-", "")}`;
    const migration: Knex.Migration = {
      async up(trx) {
        await trx.schema.createTable(table, (made) => made.integer("id"));
        await trx(table).insert({ id: 1 });
      },
      down: (trx) => trx.schema.dropTable(table),
    };
    const config: Knex.MigratorConfig = {
      migrationSource: {
        getMigrations: async () => [table],
        getMigrationName: (name: string) => name,
        getMigration: async () => migration,
      },
    };
    // Knex makes its own tables without a lock.
    await db.migrate.list(config);
    const { result, ran } = await watch(() =>
      Promise.allSettled([1, 2, 3].map(() => db.migrate.latest(config))),
    );
    const refused = result.flatMap((one) => (one.status === "rejected" ? [one.reason.name] : []));
    expect(refused.length).toBeLessThan(3);
    expect(new Set([...refused, "MigrationLocked"])).toEqual(new Set(["MigrationLocked"]));
    expect(await db(table)).toEqual([{ id: 1 }]);
    expect(ran.readers.filter((text) => text.includes("knex_migrations"))).toEqual([]);
    expect((await db.migrate.latest(config))[1]).toEqual([]);
    await db.migrate.rollback(config);
    expect(await db.schema.hasTable(table)).toBe(false);
  });

  shows("errors", "hands PostgreSQL's own error on", async () => {
    const { db } = await open();
    const { name } = await newAuthor(db);
    expect(await rejection(db("authors").insert({ name }))).toMatchObject({
      name: "error",
      code: "23505",
      constraint: "authors_name_key",
      message: expect.stringMatching(/^insert into "authors" .* - duplicate key value/),
    });
  });

  shows("tenants", "shows a tenant its own rows, on a reader", async () => {
    const { db } = await open({ ...shop.shopperOptions(), max: 2 }, { pool: { min: 0, max: 2 } });
    const notesOf = (tenant: string) =>
      db.transaction(
        async (trx) => {
          await trx.raw("select set_config('app.tenant', ?, true)", [tenant]);
          return trx("notes").pluck("body");
        },
        { readOnly: true },
      );
    const tenants = ["north", "south", "nobody", "south", "north"];
    const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
    expect(found).toEqual([["of north"], ["of south"], [], ["of south"], ["of north"]]);
    expect(await onReaders(() => Promise.all([1, 2, 3].map(() => db("notes"))))).toEqual([
      [],
      [],
      [],
    ]);
  });

  shows("events", "has its pool tell of each use, and tells of queries", async () => {
    const { db, told } = await open();
    const events = told();
    db.on("query", ({ sql }) => events.push(sql));
    db.on("query-error", (error) => events.push(error.code));
    await named(db, "nobody");
    await rejection(db.raw("select 1 / 0"));
    expect(events).toEqual([
      "acquire",
      `select * from "authors" where "name" = $1 limit $2`,
      "release",
      "acquire",
      "select 1 / 0",
      "22012",
      "release",
    ]);
  });

  shows("shutdown", "closes without leaving anything", async () => {
    const application_name = randomUUID();
    const { db, close } = await open({ ...shop.options(), application_name });
    await Promise.all([newAuthor(db), named(db, "nobody")]);
    await close();
    expect(await allConnectionsOf(shop, { application_name })).toBe(0);
  });

  it("goes on after a transaction has lost its connection", async () => {
    const application_name = randomUUID();
    const { db } = await open(
      { ...shop.options(), application_name, max: 1 },
      { pool: { min: 1, max: 1 } },
    );
    const admin = await shop.connect();
    const name = randomUUID();
    const failed = db.transaction(async (trx) => {
      await trx("authors").insert({ name });
      await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
        [application_name],
      );
      await trx("authors").insert({ name: `${name}, too` });
    });
    await expect(failed).rejects.toThrow();
    expect(await db("authors").where("name", "like", `${name}%`)).toEqual([]);
  });

  it("takes no longer to give up than it was given, and frees the connection", async () => {
    const options = { ...shop.options(), max: 1, query_timeout: 300 };
    const { db } = await open(options, { pool: { min: 0, max: 1 } });
    expect((await rejection(db.raw("select pg_sleep(30)"))).message).toMatch(/timeout/i);
    await onReaders(() => named(db, "nobody"));
  });
});

describe("Knex on pointsman/pg", () => {
  const open = (options: PoolOptions, config: Partial<Knex.Config> = {}): Knex => {
    const { db, close } = (ways[0] as Way).open(options, config);
    onTestFinished(() => close());
    return db;
  };

  it("keeps its search path, on readers too", async () => {
    await shop.setUp("create schema tenant; create table tenant.own as select 'theirs' as note;");
    const db = open(shop.options(), { searchPath: ["tenant"] });
    await db("own");
    expect(await onReaders(() => db("own"))).toEqual([{ note: "theirs" }]);
  });

  it("holds no connections with a pool of Clients that is idle, and leaves none behind", async () => {
    const application_name = randomUUID();
    const options = { ...shop.options(), application_name, idleTimeoutMillis: 200 };
    const db = open(options, { pool: { min: 20, max: 20 } });
    await Promise.all(Array.from({ length: 60 }, () => db("authors").first()));
    await until(
      "none is left",
      async () => (await allConnectionsOf(shop, { application_name })) === 0,
    );
    await db("authors").first();
    await db.destroy();
    expect(await allConnectionsOf(shop, { application_name })).toBe(0);
  });
});
