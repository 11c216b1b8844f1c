import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { rowsTable, startLoad } from "./load.ts";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  // Replay waits for nobody: what stands in its way is cancelled at once.
  cluster = await startCluster({ readers: 2, settings: { max_standby_streaming_delay: "0" } });
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  pool = createPool({
    writer: cluster.writer.url,
    readers: cluster.readers.map(({ url }) => url),
    consistency: "eventual",
  });
  await pool.query(rowsTable);
  await cluster.waitForReplay();
});
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

it.each(["crash", "shutDown", "vanish"] as const)(
  "one reader of two that is lost (%s) fails no read, and is used again when it is back",
  async (fault) => {
    const [first] = cluster.readers as [NonNullable<(typeof cluster.readers)[0]>];
    const load = startLoad(pool, { writers: 0, readers: 8 });
    await until("there are reads", () => load.ledger.reads > 100);
    await cluster[fault](first);
    const name = `127.0.0.1:${first.port}`;
    const endpoint = () => pool.stats().reader?.endpoints.find(({ endpoint: at }) => at === name);
    await until("it is noticed", () => endpoint()?.available === false);
    const during = load.ledger.reads;
    await until("reads go on", () => load.ledger.reads > during + 200);
    await cluster.heal();
    await until("it is back", () => endpoint()?.available === true);
    const ledger = await load.stop();
    expect(ledger.failedReads.map(String)).toEqual([]);
    expect(pool.stats().targets.writer).toBeLessThan(pool.stats().targets.reader / 10);
  },
);

it("a reader that vanishes under load is noticed sooner than one connection's silence would be", async () => {
  const [first] = cluster.readers as [NonNullable<(typeof cluster.readers)[0]>];
  const load = startLoad(pool, { writers: 0, readers: 24 });
  await until("there are reads", () => load.ledger.reads > 200);
  const vanishedAt = performance.now();
  first.blackhole();
  await until("it is noticed", () => pool.stats().reader?.endpoints[0]?.available === false);
  // A silent connection alone is looked at after a second, and the look may take a second and a half.
  expect(performance.now() - vanishedAt).toBeLessThan(2300);
  const { reads } = load.ledger;
  await until("reads go on", () => load.ledger.reads > reads + 200);
  expect((await load.stop()).failedReads.map(String)).toEqual([]);
  expect(pool.stats().failover.searches).toBe(0);
});

it("R28: readers whose connections are all at long statements are left alone", async () => {
  const few = createPool({
    writer: cluster.writer.url,
    readers: cluster.readers.map(({ url }) => url),
    consistency: "eventual",
    max: 4,
  });
  try {
    const sleeping = Array.from({ length: 4 }, () => few.query("select pg_sleep(3)"));
    await Promise.all(sleeping);
    const { reasons, reader } = few.stats();
    expect(reasons["after-loss"]).toBe(0);
    expect(reader?.endpoints.map(({ available, failures }) => [available, failures])).toEqual([
      [true, 0],
      [true, 0],
    ]);
    expect(few.stats().targets.reader).toBe(4);
  } finally {
    await few.end();
  }
});

it("all readers out: the writer serves, and readers again when they are back", async () => {
  const load = startLoad(pool, { writers: 0, readers: 4 });
  await until("there are reads", () => load.ledger.reads > 50);
  await Promise.all(cluster.readers.map((reader) => cluster.crash(reader)));
  const { writer } = pool.stats().targets;
  await until("the writer serves", () => pool.stats().targets.writer > writer + 50);
  await cluster.heal();
  const { reader } = pool.stats().targets;
  await until("readers serve", () => pool.stats().targets.reader > reader + 50);
  expect((await load.stop()).failedReads.map(String)).toEqual([]);
});

it("a read that a reader cancels in favour of replay is repeated on the writer", async () => {
  const [first] = cluster.readers as [NonNullable<(typeof cluster.readers)[0]>];
  const one = createPool({
    writer: cluster.writer.url,
    reader: first.url,
    consistency: "eventual",
  });
  try {
    await one.query("create table doomed as select generate_series(1, 1000) as n");
    await cluster.waitForReplay();
    const running = one.query("select count(*)::int as n, pg_sleep(3) from doomed");
    await until("it runs", async () => {
      const { rows } = await one.reader.query(
        "select from pg_stat_activity where query like 'select count(*)::int as n%'",
      );
      return rows.length > 0;
    });
    await one.writer.query("truncate doomed");
    expect((await running).rows).toHaveLength(1);
    expect(one.stats().reasons["replay-conflict"]).toBe(1);
  } finally {
    await one.end();
  }
});

it("R28: a long read on one of two servers behind an endpoint is left alone", async () => {
  const single = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    consistency: "eventual",
    max: 1,
  });
  try {
    // New connections there lead to the other server each second time.
    await single.query("select pg_sleep(8)");
    expect(single.stats().reasons["plain-read"]).toBe(1);
    expect(single.stats().reader?.endpoints).toMatchObject([{ failures: 0 }]);
  } finally {
    await single.end();
  }
}, 20_000);
