import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { rowsTable, rowsThere, startLoad, untruths } from "./load.ts";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  // What was acknowledged is on a reader, or the loss of the writer would lose it.
  cluster = await startCluster({
    readers: 2,
    settings: { synchronous_standby_names: "ANY 1 (*)" },
  });
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
  await pool.query(rowsTable);
  await cluster.waitForReplay();
});
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

const firstReader = () => cluster.readers[0] as NonNullable<(typeof cluster.readers)[0]>;

it("a crash of the writer loses no read, and of writes those only that were under way", async () => {
  const load = startLoad(pool, { writers: 3 });
  await load.written(50);
  await cluster.crash(cluster.servers[0]);
  await cluster.promote(firstReader(), { endpointDelayMs: 300 });
  await load.written(50);
  const ledger = await load.stop();
  expect(ledger.failedReads.map(String)).toEqual([]);
  expect([...ledger.refused.values()].map(String)).toEqual([]);
  expect(ledger.unknown.size).toBeLessThanOrEqual(3);
  expect(untruths(ledger, await rowsThere(cluster.writer.url))).toEqual([]);
});

it("a writer that vanishes without a word keeps nobody for ever", async () => {
  const load = startLoad(pool, { writers: 3 });
  await load.written(50);
  await cluster.vanish(cluster.servers[0]);
  await cluster.promote(firstReader());
  await load.written(50);
  const ledger = await load.stop();
  expect(ledger.failedReads.map(String)).toEqual([]);
  expect([...ledger.refused.values()].map(String)).toEqual([]);
  expect(ledger.unknown.size).toBeLessThanOrEqual(3);
  expect(ledger.longestGap).toBeLessThan(10_000);
  expect(untruths(ledger, await rowsThere(cluster.writer.url))).toEqual([]);
});

it("a writer that vanishes while nobody uses it is looked for too, though callers wait a moment only", async () => {
  const hasty = createPool({ writer: cluster.writer.url, connectionTimeoutMillis: 1000 });
  try {
    await hasty.query("insert into rows_written values (-7)");
    await cluster.vanish(cluster.servers[0]);
    await cluster.promote(firstReader());
    await delay(1200);
    await until("it writes again", async () =>
      hasty.query("insert into rows_written values (-8)").then(
        () => true,
        () => false,
      ),
    );
    expect((await rowsThere(cluster.writer.url)).has(-8)).toBe(true);
  } finally {
    await hasty.end();
    await pool.query("delete from rows_written where id < 0");
  }
});

it("R28: a long statement on a healthy server is left alone, however silent it is", async () => {
  const { rows } = await pool.query({
    text: "select pg_sleep(6), 1 as one",
    target: "writer",
  });
  expect(rows).toMatchObject([{ one: 1 }]);
  expect(pool.stats().reasons["after-loss"]).toBe(0);
  expect(pool.stats().failover.searches).toBe(0);
});

it("without any writer, callers are told so in time, and reads go on", async () => {
  const patient = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    failoverTimeout: "500ms",
  });
  try {
    await patient.query("insert into rows_written values (-1)");
    await patient.query("delete from rows_written where id = -1");
    await cluster.crash(cluster.servers[0]);
    await expect(patient.query("insert into rows_written values (-1)")).rejects.toMatchObject({
      code: expect.stringMatching(/^(WRITER_UNAVAILABLE|WRITE_OUTCOME_UNKNOWN)$/),
    });
    await expect(patient.query("insert into rows_written values (-1)")).rejects.toMatchObject({
      code: "WRITER_UNAVAILABLE",
      message: expect.stringMatching(/was not sent/),
    });
    await expect(
      patient.query({ text: "select 1", consistency: "eventual" }),
    ).resolves.toMatchObject({ rowCount: 1 });
  } finally {
    await patient.end();
  }
});

it("the end of the pool does not wait for a writer that is looked for", async () => {
  await pool.query("select 1");
  await cluster.crash(cluster.servers[0]);
  const waiting = pool.query("insert into rows_written values (-2)").catch((error) => error.code);
  const again = pool.query("insert into rows_written values (-3)").catch((error) => error.code);
  await expect.poll(() => pool.stats().failover.searching).toBe(true);
  const started = performance.now();
  await pool.end();
  expect(performance.now() - started).toBeLessThan(5000);
  expect(await again).toBe("WRITER_UNAVAILABLE");
  await waiting;
  pool = createPool({ writer: cluster.writer.url });
});

it("split brain: of two writers the one on the older timeline is not used", async () => {
  const both = createPool({
    writer: cluster.writer.url,
    readers: cluster.readers.map((r) => r.url),
    // Its connection would make the first one of a read lead to the other reader.
    catalog: false,
  });
  const old = cluster.servers[0].name;
  const where = async (): Promise<string> =>
    (
      await both.query({
        text: "select current_setting('cluster_name') as name",
        target: "writer",
      })
    ).rows[0].name;
  try {
    expect(await where()).toBe(old);
    await cluster.promote(firstReader(), {
      keepOldWriter: true,
      follow: false,
      endpointDelayMs: 60_000,
    });
    // A connection to a reader tells the pool of it; those to the old writer know nothing.
    await expect
      .poll(
        async () => {
          await both.query({ text: "select 1", consistency: "eventual" });
          return where();
        },
        { timeout: 10_000 },
      )
      .not.toBe(old);
  } finally {
    await both.end();
  }
});
