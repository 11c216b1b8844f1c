import { randomUUID } from "node:crypto";
import { type Knex, knex } from "knex";
import PostgresClient from "knex/lib/dialects/postgres/index.js";
import driver, { type ClientOptions } from "pointsman/pg";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table books (id serial primary key, title text unique);
    create schema tenant;
    create table tenant.notes as select 'theirs' as note;`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const reader = /^reader[12]$/;

/** Knex's client for PostgreSQL on the module in the place of pg. */
class RoutedClient extends PostgresClient {
  override _driver(): object {
    return driver;
  }
}

function open(options: ClientOptions = {}, config: Partial<Knex.Config> = {}): Knex {
  const { writer, reader } = local.cluster;
  const db = knex({
    client: RoutedClient as never,
    log: { warn: () => {}, error: () => {} },
    connection: {
      connectionString: writer.url,
      reader: reader.url,
      catalog: false,
      ...options,
    } as Knex.StaticConnectionConfig,
    ...config,
  });
  onTestFinished(() => db.destroy());
  return db;
}

const whereReads = async (db: Knex): Promise<string> =>
  (await db.select<{ server: string }[]>(db.raw(`${here} as server`)))[0]?.server ?? "nowhere";

describe("Knex on pointsman/pg", () => {
  it("reads from readers, though its connections are Clients", async () => {
    const db = open();
    expect(await whereReads(db)).toMatch(reader);
  });

  it("creates, reads, updates and deletes, and reads what it wrote", async () => {
    const db = open();
    const [made] = await db("books").insert({ title: "Kindred" }).returning("id");
    const read = await db("books").where({ id: made.id }).first("title");
    await db("books").where({ id: made.id }).update({ title: "Fledgling" });
    const updated = await db("books").where({ id: made.id }).first("title");
    await db("books").where({ id: made.id }).delete();
    const gone = await db("books").where({ id: made.id }).first("title");
    expect([read, updated, gone]).toEqual([
      { title: "Kindred" },
      { title: "Fledgling" },
      undefined,
    ]);
  });

  it("reads from readers again after a write", async () => {
    const db = open({}, { pool: { min: 1, max: 1 } });
    await db("books").insert({ title: "Solaris" });
    await until("reads are on a reader", async () => reader.test(await whereReads(db)));
  });

  it("runs a transaction on the writer as a whole, rolled back by what it throws", async () => {
    const db = open();
    let place: unknown;
    const failed = db.transaction(async (trx) => {
      await trx("books").insert({ title: "Nothing" });
      place = (
        await trx("books")
          .where({ title: "Nothing" })
          .first(trx.raw(`${here} as server`))
      ).server;
      throw new Error("not this");
    });
    await expect(failed).rejects.toThrow("not this");
    expect([place, await db("books").where({ title: "Nothing" })]).toEqual(["writer", []]);
  });

  it("nests transactions as savepoints", async () => {
    const db = open();
    await db.transaction(async (trx) => {
      await trx("books").insert({ title: "Outer" });
      await trx
        .transaction(async (inner) => {
          await inner("books").insert({ title: "Inner" });
          throw new Error("inner");
        })
        .catch(() => {});
    });
    expect(await db("books").whereIn("title", ["Outer", "Inner"]).pluck("title")).toEqual([
      "Outer",
    ]);
  });

  it("runs a READ ONLY transaction on a reader", async () => {
    const db = open();
    const places = await db.transaction(
      async (trx) => [
        (await trx.select(trx.raw(`${here} as server`)))[0].server,
        (await trx.select(trx.raw(`${here} as server`)))[0].server,
      ],
      { readOnly: true },
    );
    expect([places[0], new Set(places).size]).toEqual([expect.stringMatching(reader), 1]);
  });

  it("streams from a reader", async () => {
    const db = open();
    const rows: { server: string }[] = [];
    for await (const row of db
      .select(db.raw(`${here} as server from generate_series(1, 500)`))
      .stream()) {
      rows.push(row);
    }
    expect([rows.length, rows[0]?.server]).toEqual([500, expect.stringMatching(reader)]);
  });

  it("keeps its search path, on readers too", async () => {
    const db = open({}, { searchPath: ["tenant"] });
    const rows = await db("notes").select("note", db.raw(`${here} as server`));
    expect(rows).toEqual([{ note: "theirs", server: expect.stringMatching(reader) }]);
  });

  it("locks rows on the writer", async () => {
    const db = open();
    const mark = newMark();
    await db.raw(`${mark} select * from books for update`);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("fails with PostgreSQL's own errors", async () => {
    const db = open();
    await db("books").insert({ title: "Twice" });
    const error = await rejection(db("books").insert({ title: "Twice" }));
    expect(error.code).toBe("23505");
  });

  it("migrates", async () => {
    const db = open();
    const migration = {
      up: (trx: Knex) => trx.schema.createTable("migrated", (table) => table.increments()),
      down: (trx: Knex) => trx.schema.dropTable("migrated"),
    };
    const config = {
      migrationSource: {
        getMigrations: async () => ["first"],
        getMigrationName: (name: string) => name,
        getMigration: async () => migration,
      },
    };
    await db.migrate.latest(config);
    const again = await db.migrate.latest(config);
    await db.migrate.rollback(config);
    expect([again[1], await db.schema.hasTable("migrated")]).toEqual([[], false]);
  });

  it("holds no connections with a pool of Clients that is idle, and leaves none behind", async () => {
    const application_name = randomUUID();
    const db = open({ application_name, idleTimeoutMillis: 200 }, { pool: { min: 20, max: 20 } });
    await Promise.all(Array.from({ length: 60 }, () => whereReads(db)));
    await until(
      "none is left",
      async () => (await allConnectionsOf(local, { application_name })) === 0,
    );
    await whereReads(db);
    await db.destroy();
    expect(await allConnectionsOf(local, { application_name })).toBe(0);
  });

  it("replaces a Client whose transaction has lost its connection", async () => {
    const application_name = randomUUID();
    const db = open({ application_name }, { pool: { min: 1, max: 1 } });
    const admin = await local.connect();
    const failed = db.transaction(async (trx) => {
      await trx("books").insert({ title: "Lost" });
      await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
        [application_name],
      );
      await trx("books").insert({ title: "Lost, too" });
    });
    await expect(failed).rejects.toThrow();
    expect(await db("books").where("title", "like", "Lost%")).toEqual([]);
  });
});
