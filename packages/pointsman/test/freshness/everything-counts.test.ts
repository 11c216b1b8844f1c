import { once } from "node:events";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { rejection } from "../support/waiting.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id serial primary key, title text);
    create table log (line text);
    create sequence tickets;
    create function restock() returns int language plpgsql as $$
      begin insert into books (title) values ('restocked'); return 1; end $$;
    create procedure restock_twice() language plpgsql as $$
      begin insert into books (title) values ('one'); commit;
            insert into books (title) values ('two'); end $$;
    create procedure fail_after_commit() language plpgsql as $$
      begin insert into books (title) values ('committed'); commit; raise 'no'; end $$`,
});

/** Where a read of the books is served now. */
const served = async (pool: Pool): Promise<string> =>
  (await pool.query(`select ${here} as server, (select count(*) from books)`)).rows[0]?.server;

/** Waits until the reader has everything, and the pool knows. */
async function caughtUp(pool: Pool): Promise<void> {
  await local.cluster.waitForReplay();
  await until("the reader serves", async () => (await served(pool)) === "reader1");
}

type Way = (pool: Pool) => Promise<unknown>;

const writes: Record<string, Way> = {
  "an insert": (pool) => pool.query("insert into books (title) values ('a')"),
  "an insert with values": (pool) => pool.query("insert into books (title) values ($1)", ["a"]),
  "a named insert": (pool) =>
    pool.query({ name: "add", text: "insert into books (title) values ($1)", values: ["a"] }),
  DDL: (pool) => pool.query("alter table books add column if not exists pages int"),
  "a statement that refuses a transaction block": (pool) => pool.query("vacuum books"),
  "a block": (pool) => pool.query("do $$ begin insert into books (title) values ('a'); end $$"),
  "a procedure that commits": (pool) => pool.query("call restock_twice()"),
  "a procedure that commits and fails": (pool) => rejection(pool.query("call fail_after_commit()")),
  "a function that writes": (pool) => pool.query("select restock()"),
  // One in 32 is written to the WAL.
  nextval: (pool) => pool.query("select nextval('tickets') from generate_series(1, 40)"),
  pg_notify: (pool) => pool.query("select pg_notify('news', 'x')"),
  "several statements in one text": (pool) =>
    pool.query("insert into books (title) values ('a'); insert into books (title) values ('b')"),
  "a text with its own transaction": (pool) =>
    pool.query("begin; insert into books (title) values ('a'); commit"),
  "a transaction": (pool) =>
    pool.transaction((tx) => tx.query("insert into books (title) values ('a')")),
  "a transaction with a savepoint that was rolled back": (pool) =>
    pool.transaction(async (tx) => {
      await tx.query("insert into books (title) values ('a')");
      await pool.transaction(() => Promise.reject(new Error("no"))).catch(() => {});
    }),
  "a transaction by hand": async (pool) => {
    const client = await pool.connect();
    await client.query("begin");
    await client.query("insert into books (title) values ('a')");
    await client.query("commit");
    client.release();
  },
  "a transaction by hand whose statements are not awaited": async (pool) => {
    const client = await pool.connect();
    client.query("begin");
    client.query("insert into books (title) values ('a')");
    await client.query("commit");
    client.release();
  },
  "COMMIT PREPARED": async (pool) => {
    await pool.query("begin; insert into books (title) values ('a'); prepare transaction 'x'");
    await pool.query("commit prepared 'x'");
  },
  "a checkout": async (pool) => {
    const client = await pool.connect();
    await client.query("insert into books (title) values ('a')");
    client.release();
  },
  "pool.writer": (pool) => pool.writer.query("insert into books (title) values ('a')"),
  "a client of pool.writer": async (pool) => {
    const client = await pool.writer.connect();
    await client.query("begin");
    await client.query("insert into books (title) values ('a')");
    await client.query("commit");
    client.release();
  },
  "a client of pool.writer whose statements are not awaited": async (pool) => {
    const client = await pool.writer.connect();
    client.query("begin");
    client.query("insert into books (title) values ('a')");
    await client.query("commit");
    client.release();
  },
  "a callback": (pool) =>
    new Promise((resolve) => {
      pool.query("insert into books (title) values ('a')", () => resolve(undefined));
    }),
  "another pool of the process": async (pool) => {
    await pool.query("select 1");
    await local.pool().query("insert into books (title) values ('a')");
  },
  "a pool of the process that knows the writer alone": async () => {
    await local.pool({ reader: undefined }).query("insert into books (title) values ('a')");
  },
};

const makers: [string, PoolOptions][] = [
  ["positions in the WAL", { freshness: { positions: "wal" } }],
  ["transaction ids", { freshness: { positions: "transaction-id" } }],
];

describe.each(makers)(
  "R15, R18: with %s, reads wait for what was written by",
  (_maker, options) => {
    it.each(Object.entries(writes))("%s", async (_name, write) => {
      const pool = local.pool(options);
      await caughtUp(pool);
      await paused(local.cluster, async () => {
        await write(pool);
        expect(await served(pool)).toBe("writer");
        expect(await served(pool)).toBe("writer");
      });
      await caughtUp(pool);
    });
  },
);

describe("R14: reads do not wait for", () => {
  it.each<[string, Way]>([
    ["a read", (pool) => pool.query("select 1")],
    [
      "a read that was sent to the writer",
      (pool) => pool.query({ text: "select 1", target: "writer" }),
    ],
    ["a write that failed", (pool) => rejection(pool.query("insert into books (id) values ('x')"))],
    [
      "a transaction that was rolled back",
      (pool) =>
        rejection(
          pool.transaction(async (tx) => {
            await tx.query("insert into books (title) values ('a')");
            throw new Error("no");
          }),
        ),
    ],
    [
      "a transaction that has only read",
      (pool) => pool.transaction((tx) => tx.query("select count(*) from books")),
    ],
    [
      "a READ ONLY transaction",
      (pool) => pool.transaction((tx) => tx.query("select 1"), { readOnly: true }),
    ],
    [
      "a setting",
      async (pool) => {
        const client = await pool.connect();
        await client.query("set timezone = 'UTC'");
        client.release();
      },
    ],
  ])("%s", async (_name, work) => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      const asked = pool.stats().freshness.guarded;
      await work(pool);
      expect(await served(pool), JSON.stringify(pool.stats().reasons)).toBe("reader1");
      expect(pool.stats().freshness.guarded).toBe(asked);
    });
  });
});

describe("R18: ignoreWritesTo", () => {
  it("makes no read wait for a write to a table that it names", async () => {
    const pool = local.pool({ ignoreWritesTo: ["log"] });
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await pool.query("insert into log values ('x')");
      expect(await served(pool)).toBe("reader1");
      await pool.query("insert into books (title) values ('a')");
      expect(await served(pool)).toBe("writer");
    });
  });
});

describe("R22: a notification", () => {
  it("is told when the reads of its listener wait for what was written before it", async () => {
    const pool = local.pool();
    const listener = await pool.connect();
    onTestFinished(() => listener.release());
    await listener.query("listen news");
    const told = once(listener, "notification");
    const other = await local.connect();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await other.query("insert into books (title) values ('by another process')");
      await other.query("notify news");
      await told;
      expect(await served(pool)).toBe("writer");
    });
  });
});

describe("a write whose connection is lost", () => {
  it("leaves reads to the writer, and the first of them finds the position again", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      const error = await rejection(
        pool.query("do $$ begin perform pg_terminate_backend(pg_backend_pid()); end $$"),
      );
      expect(error).toBeInstanceOf(Error);
      expect(await served(pool)).toBe("writer");
      expect(pool.stats().reasons["position-unknown"]).toBe(1);
    });
    await local.cluster.waitForReplay();
    await until("the reader serves again", async () => (await served(pool)) === "reader1");
  });
});
