import { setTimeout as pause } from "node:timers/promises";
import { type PoolClient, Query } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { listenTo, type PointsmanEvents, type Pool, type PoolOptions } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int);
    create sequence tickets;
    create view next_ticket as select nextval('tickets')::int as n`,
});

type StatementEvent = PointsmanEvents["statement:end"];

interface Row {
  readonly n: number;
}
type Rows = AsyncGenerator<Row, undefined>;

async function* fromCursor(client: PoolClient, text: string): Rows {
  const cursor = client.query(new Cursor<Row>(text));
  try {
    for (;;) {
      const [row] = await cursor.read(1);
      if (row === undefined) return undefined;
      yield row;
    }
  } finally {
    await cursor.close();
  }
}

async function* fromStream(client: PoolClient, text: string): Rows {
  yield* client.query(new QueryStream(text, [], { highWaterMark: 1 }));
  return undefined;
}

const ways: readonly [string, (client: PoolClient, text: string) => Rows][] = [
  ["a cursor", fromCursor],
  ["a stream", fromStream],
];

const places: readonly [string, PoolOptions, (pool: Pool) => Promise<PoolClient>][] = [
  ["with one server", { reader: undefined }, (pool) => pool.connect()],
  ["on a reader", {}, (pool) => pool.connect()],
  ["on pool.reader", {}, (pool) => pool.reader.connect()],
  ["on pool.writer", {}, (pool) => pool.writer.connect()],
  [
    "in a transaction",
    {},
    async (pool) => {
      const client = await pool.connect();
      await client.query("begin");
      return client;
    },
  ],
];

/** The ends of all statements from now on. */
function endsOf(pool: Pool): StatementEvent[] {
  const ends: StatementEvent[] = [];
  onTestFinished(listenTo(pool, { "statement:end": (event) => ends.push(event) }));
  return ends;
}

const readAll = async (rows: Rows): Promise<void> => {
  for await (const _row of rows);
};

describe.each(places)("%s", (_place, options, connect) => {
  async function start(): Promise<[PoolClient, StatementEvent[]]> {
    const pool = local.pool(options);
    const client = await connect(pool);
    onTestFinished(() => client.release(true));
    return [client, endsOf(pool)];
  }

  describe.each(ways)("%s", (_way, read) => {
    it("has ended when it is read to its end", async () => {
      const [client, ends] = await start();
      const rows = read(client, "select n from generate_series(1, 5) n");
      expect((await rows.next()).value).toEqual({ n: 1 });
      await pause(100);
      expect(ends).toEqual([]);
      await readAll(rows);
      await until("it has ended", () => ends.length > 0);
      expect(ends).toHaveLength(1);
      expect(ends[0]).not.toHaveProperty("error");
      expect(ends[0]?.durationMs).toBeGreaterThan(95);
    });

    it("has ended when it is closed before", async () => {
      const [client, ends] = await start();
      const rows = read(client, "select n from generate_series(1, 500) n");
      await rows.next();
      expect(ends).toEqual([]);
      await rows.return(undefined);
      await until("it has ended", () => ends.length > 0);
      expect(ends).toHaveLength(1);
      expect(ends[0]).not.toHaveProperty("error");
    });

    it.each([
      ["select 1 / 0 as n", "at once"],
      ["select 1 / (100 - n) as n from generate_series(1, 500) n", "behind some rows"],
    ])("has ended with its error: %s, %s", async (text) => {
      const [client, ends] = await start();
      const error = await rejection(readAll(read(client, text)));
      expect(error.code).toBe("22012");
      await until("it has ended", () => ends.length > 0);
      expect(ends).toHaveLength(1);
      expect(ends[0]?.error).toBe(error);
    });

    it("has ended with what its reader is told when its connection is lost", async () => {
      const [client, ends] = await start();
      const rows = read(client, "select pg_backend_pid() as n from generate_series(1, 500)");
      const { value } = await rows.next();
      process.kill((value as Row).n, "SIGTERM");
      const error = await rejection(readAll(rows));
      await until("it has ended", () => ends.length > 0);
      expect(ends).toHaveLength(1);
      expect(ends[0]?.error).toBe(error);
    });
  });
});

describe.each(kinds)("$kind", ({ options }) => {
  it("a write that fails has ended with its error", async () => {
    const pool = local.pool(options);
    const client = await pool.connect();
    const ends = endsOf(pool);
    const rows = fromCursor(client, "insert into books values (1 / 0) returning id as n");
    const error = await rejection(readAll(rows));
    client.release();
    await until("it has ended", () => ends.length > 0);
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ target: "writer", error: { code: "22012" } });
    expect(ends[0]?.error).toBe(error);
  });

  it("a query whose rows cannot be read has ended with that", async () => {
    const pool = local.pool(options);
    const client = await pool.connect();
    const ends = endsOf(pool);
    const problem = new Error("no number");
    const types = {
      getTypeParser: () => () => {
        throw problem;
      },
    };
    const told = await new Promise((resolve) => {
      client.query(new Query({ text: "select 1", types } as never, resolve as never));
    });
    expect(told).toBe(problem);
    client.release();
    await until("it has ended", () => ends.length > 0);
    expect(ends).toHaveLength(1);
    expect(ends[0]?.error).toBe(problem);
  });
});

describe.each(ways)("%s that proves its reader first", (_way, read) => {
  it.each([
    ["is read", "select id as n from books", { freshness: "proved", retries: 0 }],
    ["fails", "select 1 / 0 as n", { freshness: "proved", retries: 0, error: { code: "22012" } }],
    ["moves to the writer", "select n from next_ticket", { target: "writer", retries: 1 }],
  ])("ends once when it %s", async (_what, text, end) => {
    const pool = local.pool();
    await pool.query("insert into books values (1)");
    await local.cluster.waitForReplay();
    await pool.query("select 1");
    await pool.query("insert into books values (1)");
    await local.cluster.waitForReplay();
    const client = await pool.connect();
    const ends = endsOf(pool);
    await readAll(read(client, text)).catch(() => {});
    // What is sent behind it has ended behind it.
    await client.query("select 1 as last");
    client.release();
    expect(ends).toMatchObject([end, { text: "select 1 as last" }]);
    expect("error" in (ends[0] as object)).toBe("error" in end);
  });
});
