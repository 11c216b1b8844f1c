import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, PointsmanError, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  for (const reader of cluster.readers) await cluster.crash(reader);
});
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

const ends = () => ({ writer: cluster.writer.url, reader: cluster.reader.url });

it("while every reader is out reads take no more of the writer than they may, and writes get through", async () => {
  pool = createPool({ ...ends(), max: 4, readerFallbackMax: 2 });
  await pool.query("create table if not exists paid (id int)");
  await Promise.all(Array.from({ length: 4 }, () => pool.query("select pg_sleep(0.1) for update")));
  await pool.query("select 1");
  const begin = performance.now();
  const reads = Array.from({ length: 12 }, () => pool.query("select pg_sleep(0.15)"));
  await delay(50);
  const written = performance.now();
  await pool.query("insert into paid values (1)");
  expect(performance.now() - written).toBeLessThan(120);
  await Promise.all(reads);
  // Two at a time, six times.
  expect(performance.now() - begin).toBeGreaterThan(800);
  expect(pool.stats().reasons["reader-unavailable"]).toBe(13);
});

it("four fifths of the writer's connections are the limit by default", async () => {
  pool = createPool({ ...ends(), max: 5 });
  await pool.query("select 1");
  const reads = Array.from({ length: 10 }, () => pool.query("select pg_sleep(0.1)"));
  await delay(60);
  expect(pool.stats().writer.total - pool.stats().writer.idle).toBe(4);
  await Promise.all(reads);
});

it("who waits for such a place waits no longer than for a connection", async () => {
  pool = createPool({ ...ends(), max: 2, readerFallbackMax: 1, connectionTimeoutMillis: 2000 });
  await pool.query("select 1");
  const [first, second] = await Promise.allSettled([
    pool.query("select pg_sleep(5)"),
    pool.query("select 2"),
  ]);
  expect(first.status).toBe("fulfilled");
  expect(second).toMatchObject({
    status: "rejected",
    reason: { message: "timeout exceeded when trying to connect" },
  });
  // Its place was not lost.
  expect((await pool.query("select 3 as three")).rows).toEqual([{ three: 3 }]);
});

it("by option reads fail while every reader is out, and say so", async () => {
  pool = createPool({ ...ends(), readerFallback: "error" });
  const error = await pool.query("select 1").catch((problem) => problem);
  expect(error).toBeInstanceOf(PointsmanError);
  expect(error.code).toBe("READER_UNAVAILABLE");
  expect(error.message).toMatch(/ECONNREFUSED|ECONNRESET|terminated/);
  const client = await pool.connect();
  await expect(client.query("select 1")).rejects.toMatchObject({ code: "READER_UNAVAILABLE" });
  client.release();
  await pool.query("create table if not exists paid (id int)");
  const { rows } = await pool.query({ text: "select 1 as one", target: "writer" });
  expect(rows).toEqual([{ one: 1 }]);
});
