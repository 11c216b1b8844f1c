import { type Cluster, startCluster } from "@pointsman/local";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster.stop());

const text = "select n from generate_series(0, 99999) n";

function resetAll(): void {
  for (const server of cluster.servers) server.reset();
  cluster.writer.reset();
  cluster.reader.reset();
}

/** Reads until the connection is cut under it; what came, and the error. */
async function cutUnder(rows: AsyncIterable<{ n: number }>): Promise<[number[], unknown]> {
  const numbers: number[] = [];
  try {
    for await (const { n } of rows) {
      numbers.push(n);
      if (n === 500) resetAll();
    }
    return [numbers, "no error"];
  } catch (error) {
    return [numbers, error];
  }
}

async function* readInSteps(cursor: Cursor<{ n: number }>): AsyncGenerator<{ n: number }> {
  for (;;) {
    const rows = await cursor.read(100);
    if (rows.length === 0) return;
    yield* rows;
  }
}

it("a stream whose connection is lost behind its last row fails, and gives its place back", async () => {
  const relay = new CuttableRelay(cluster.writer);
  await relay.open();
  const pool = createPool({ writer: relay.url(cluster.writer.url), max: 1 });
  pool.on("error", () => {});
  onTestFinished(async () => {
    await pool.end();
    await relay.close();
  });
  const stream = new QueryStream("select n from generate_series(1, 10) n");
  stream.cursor.on("row", ({ n }: { n: number }) => {
    if (n < 10) return;
    // The server is not asked any more whether it is ready.
    relay.mute();
    setTimeout(() => relay.cut(), 50);
  });
  const ended: unknown = pool.query(stream);
  await Promise.all([
    expect(stream.toArray()).rejects.toBeInstanceOf(Error),
    expect(ended).rejects.toBeInstanceOf(Error),
  ]);
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

it("a stream for which there is no connection fails as what the pool returns does", async () => {
  const nowhere = "postgres://app@127.0.0.1:1/app";
  const pool = createPool({ writer: nowhere, reader: nowhere });
  onTestFinished(() => pool.end());
  const stream = new QueryStream("select 1");
  const ended: unknown = pool.query(stream);
  await Promise.all([
    expect(stream.toArray()).rejects.toMatchObject({ code: "ECONNREFUSED" }),
    expect(ended).rejects.toMatchObject({ code: "ECONNREFUSED" }),
  ]);
});

describe.each([true, false])("with a reader: %s", (withReader) => {
  function open(): Pool {
    const pool = createPool({
      writer: cluster.writer.url,
      reader: withReader ? cluster.reader.url : undefined,
    });
    pool.on("error", () => {});
    onTestFinished(() => pool.end());
    return pool;
  }

  const ways: [string, (pool: Pool) => Promise<[number[], unknown]>][] = [
    [
      "a stream of the pool",
      (pool) => {
        const stream = new QueryStream(text, [], { batchSize: 100 });
        const ended: unknown = pool.query(stream);
        return Promise.all([cutUnder(stream), expect(ended).rejects.toBeInstanceOf(Error)]).then(
          ([read]) => read,
        );
      },
    ],
    [
      "a stream of a client",
      async (pool) => {
        const client = await pool.connect();
        client.on("error", () => {});
        try {
          return await cutUnder(client.query(new QueryStream(text, [], { batchSize: 100 })));
        } finally {
          client.release();
        }
      },
    ],
    [
      "a cursor of a client",
      async (pool) => {
        const client = await pool.connect();
        client.on("error", () => {});
        try {
          const cursor = client.query(new Cursor<{ n: number }>(text));
          const read = await cutUnder(readInSteps(cursor));
          await cursor.close();
          return read;
        } finally {
          client.release();
        }
      },
    ],
  ];

  it.each(ways)("%s whose connection is lost tells so, after rows in order", async (_, read) => {
    const pool = open();
    const [numbers, error] = await read(pool);
    expect(error).toBeInstanceOf(Error);
    expect(numbers.length).toBeGreaterThan(500);
    expect(numbers.length).toBeLessThan(100_000);
    expect(numbers.every((n, index) => n === index)).toBe(true);
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });
});
