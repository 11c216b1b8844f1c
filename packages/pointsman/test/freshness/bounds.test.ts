import { type Pool, withFreshness } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id serial primary key, title text);
    create type mood as enum ('calm');
    create table __drizzle_migrations (id int)`,
});

const insert = "insert into books (title) values ('a')";
const where = async (pool: Pool, fields: object = {}): Promise<string> =>
  (await pool.query({ text: `select ${here} as server`, ...fields })).rows[0].server;

async function caughtUp(pool: Pool): Promise<void> {
  await local.cluster.waitForReplay();
  await until("the reader serves", async () => (await where(pool)) === "reader1");
}

describe("consistency", () => {
  it("strong reads from the writer", async () => {
    const pool = local.pool({ consistency: "strong" });
    expect(await where(pool)).toBe("writer");
    expect(pool.stats().reasons.strong).toBe(1);
    expect(await where(pool, { consistency: "eventual" })).toBe("reader1");
  });

  it("eventual waits for nothing, of a pool, a scope and a query", async () => {
    const pool = local.pool();
    const eventual = local.pool({ consistency: "eventual" });
    await Promise.all([caughtUp(pool), where(eventual)]);
    await paused(local.cluster, async () => {
      await pool.query(insert);
      expect(await where(eventual)).toBe("reader1");
      expect(await where(pool, { consistency: "eventual" })).toBe("reader1");
      expect(await withFreshness({ consistency: "eventual" }, () => where(pool))).toBe("reader1");
      expect(await where(pool)).toBe("writer");
    });
  });

  it("session waits inside of sessions alone", async () => {
    const pool = local.pool({ consistency: "session" });
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await pool.query(insert);
      expect(await where(pool)).toBe("reader1");
      await pool.session(async () => {
        await pool.query(insert);
        expect(await where(pool)).toBe("writer");
      });
    });
  });

  it("does not override a transaction, nor the writer", async () => {
    const pool = local.pool();
    await pool.transaction(async (tx) => {
      expect((await tx.query(`select ${here} as server`)).rows[0].server).toBe("writer");
      expect(await where(pool, { consistency: "eventual" })).toBe("writer");
    });
  });

  it.each([
    [{ consistency: "perfect" }, /consistency must be one of/],
    [{ maxStaleness: "soon" }, /maxStaleness must be a number of milliseconds/],
    [{ maxStaleness: -1 }, /maxStaleness must be/],
  ])("%j of a query is refused", async (fields, message) => {
    await expect(where(local.pool(), fields)).rejects.toThrow(message);
  });
});

describe("R20: maxStaleness", () => {
  it("is met by a reader of an idle writer", async () => {
    const pool = local.pool({ maxStaleness: "5s", consistency: "eventual" });
    await until("the writer was asked", async () => (await where(pool)) === "reader1");
    expect(await where(pool)).toBe("reader1");
  });

  it("is not met by a reader that has stopped to replay what others write", async () => {
    const pool = local.pool({ maxStaleness: 200, consistency: "eventual" });
    await until("the reader serves", async () => (await where(pool)) === "reader1");
    const other = await local.connect();
    await paused(local.cluster, async () => {
      await other.query(insert);
      await until("it is found to be too old", async () => (await where(pool)) === "writer");
      await other.query(insert);
      expect(await where(pool)).toBe("writer");
    });
    await until("the reader serves again", async () => (await where(pool)) === "reader1");
  });
});

describe("R21: where a migration has not got to a reader yet", () => {
  it.each([
    ["a table", "create table shelves (id int)", "select count(*)::int as n from shelves"],
    [
      "a column",
      "alter table books add column pages int",
      "select count(pages)::int as n from books",
    ],
    [
      "a schema",
      "create schema annex create table shelves (id int)",
      "select count(*)::int as n from annex.shelves",
    ],
    [
      "a value of an enum",
      "alter type mood add value 'wild'",
      "select ('wild'::mood is null)::int as n",
    ],
  ])("a read of %s is repeated on the writer, and not learnt", async (_what, ddl, read) => {
    const pool = local.pool({ consistency: "eventual" });
    const other = await local.connect();
    await where(pool);
    await paused(local.cluster, async () => {
      await other.query(ddl);
      expect((await pool.query(read)).rows).toEqual([{ n: 0 }]);
      expect(pool.stats()).toMatchObject({ reasons: { "schema-behind": 1 }, refusedTexts: 0 });
    });
  });

  it.each(["__drizzle_migrations", "information_schema.tables"])(
    "what migrators read of %s is read on the writer",
    async (name) => {
      const mark = newMark();
      const pool = local.pool();
      await pool.query(`${mark} select * from ${name}`);
      expect(local.reached(mark)).toEqual(["writer"]);
      expect(pool.stats().reasons["migration-table"]).toBe(1);
    },
  );
});
