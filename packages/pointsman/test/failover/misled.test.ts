import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findWriter } from "../../src/servers/find-writer.ts";

let cluster: Cluster;
let table = 0;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster.stop());

const firstReader = () => cluster.readers[0] as NonNullable<(typeof cluster.readers)[0]>;

/** A pool whose writer endpoint leads to a reader. */
function misled(options: PoolOptions): Pool {
  return createPool({ writer: firstReader().url, reader: cluster.reader.url, ...options });
}

/** All ways to want the writer, at the same moment; each write makes a table of its own. */
function atOnce(pool: Pool): Promise<unknown>[] {
  const write = (): string => `create table made_${++table} ()`;
  return [
    pool.query(write()),
    pool.query(write()),
    pool.query({ text: "select 1 as one", target: "writer" }),
    pool.connect().then(async (client) => {
      try {
        return await client.query(write());
      } finally {
        client.release();
      }
    }),
    pool.writer.connect().then((client) => client.release()),
    pool.transaction((client) => client.query(write())),
  ];
}

const written = 4;

/** What has become of each of them: its error's code or message, if it has failed. */
async function outcomes(started: Promise<unknown>[]): Promise<string[]> {
  const ends = await Promise.allSettled(started);
  return ends.map((end) => {
    if (end.status === "fulfilled") return "done";
    const { code, message } = end.reason;
    return code === "WRITER_UNAVAILABLE" && message.includes("was not sent")
      ? code
      : `${code}: ${message}`;
  });
}

async function tables(): Promise<number> {
  const pool = createPool({ writer: cluster.writer.url });
  const { rows } = await pool.query(
    "select count(*)::int as n from pg_class where relname like 'made\\_%'",
  );
  await pool.end();
  return rows[0].n;
}

it.each([1, 2, 10])(
  "statements that start at once all wait for the writer, and are told when it is not found, max: %i",
  async (max) => {
    const pool = misled({ max, failoverTimeout: "300ms" });
    const ends = await outcomes(atOnce(pool));
    await pool.end();
    expect(new Set(ends)).toEqual(new Set(["WRITER_UNAVAILABLE"]));
  },
);

it.each([1, 2, 10])(
  "they are told that there is none when their pool is ended, max: %i",
  async (max) => {
    const pool = misled({ max });
    const started = outcomes(
      ["select 1", "select 2", "select 3"].map((text) => pool.query({ text, target: "writer" })),
    );
    await pool.end();
    expect(new Set(await started)).toEqual(new Set(["WRITER_UNAVAILABLE"]));
  },
);

it("a connection that waits for its turn to be opened is given up like one that is being opened", async () => {
  const without = ({ url }: { readonly url: string }): string => url.replace(/:[^:@/]*@/, "@");
  const pool = misled({
    writer: without(firstReader()),
    reader: without(cluster.reader),
    auth: { password: () => new URL(cluster.writer.url).password, connectionsPerSecond: 1 },
    failoverTimeout: "500ms",
  });
  const ends = await outcomes(atOnce(pool));
  await pool.end();
  expect(new Set(ends)).toEqual(new Set(["WRITER_UNAVAILABLE"]));
});

it("they all run once, when the writer is found", async () => {
  const pool = misled({});
  const before = await tables();
  const started = outcomes(atOnce(pool));
  await expect.poll(() => pool.stats().failover.searching).toBe(true);
  await cluster.promote(firstReader());
  const ends = await started;
  await pool.end();
  expect(new Set(ends)).toEqual(new Set(["done"]));
  expect((await tables()) - before).toBe(written);
});

it("a search that nobody wants any more is not begun", async () => {
  const attempt = async (): Promise<number> => 1;
  const addresses = (): [] => [];
  expect(await findWriter(addresses, attempt, 0, AbortSignal.abort())).toBeUndefined();
});
