import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool, WriteOutcomeUnknown } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster?.stop());
afterEach(async () => {
  await cluster.heal();
  await pool.end();
});

/** Statements with this mark that are at work on any server. */
async function atWork(mark: string): Promise<number> {
  let count = 0;
  for (const { url } of [cluster.writer, ...cluster.readers]) {
    const looking = createPool({ writer: url, max: 1 });
    const { rows } = await looking.query(
      "select count(*)::int as n from pg_stat_activity where state = 'active' and query like $1 and query not like '%pg_stat_activity%'",
      [`%${mark}%`],
    );
    count += rows[0].n;
    await looking.end();
  }
  return count;
}

const timedOut = "Query read timeout";

describe.each([
  ["one server", () => ({ writer: cluster.writer.url })],
  ["with a reader", () => ({ writer: cluster.writer.url, reader: cluster.reader.url })],
])("query_timeout, %s", (_name, ends) => {
  it.each([
    ["a read", "select pg_sleep(30) /* mark_read */", "mark_read"],
    [
      "a write",
      "create table never as select 1 as n from pg_sleep(30) as mark_write",
      "mark_write",
    ],
  ])("%s is cancelled on the server, and its connection serves on", async (_what, text, mark) => {
    pool = createPool({ ...ends(), max: 1, query_timeout: 1000 });
    const begin = performance.now();
    await expect(pool.query(text)).rejects.toThrow(timedOut);
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(await atWork(mark)).toBe(0);
    const removed: unknown[] = [];
    pool.on("remove", (client) => removed.push(client));
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(removed).toEqual([]);
    await expect(pool.query("select from never")).rejects.toMatchObject({ code: "42P01" });
  });

  it("who waits for a connection is answered in time, and sends nothing", async () => {
    pool = createPool({ ...ends(), max: 1 });
    await pool.query("create table if not exists waited (id int)");
    const holder = await pool.writer.connect();
    const begin = performance.now();
    await expect(
      pool.query({ text: "insert into waited values (1)", query_timeout: 100 }),
    ).rejects.toThrow(timedOut);
    expect(performance.now() - begin).toBeLessThan(1000);
    holder.release();
    expect((await pool.query("select count(*)::int as n from waited")).rows).toEqual([{ n: 0 }]);
    await pool.query("drop table waited");
  });

  it("a statement of a checked-out client has its deadline, and the client goes on", async () => {
    pool = createPool({ ...ends(), max: 1, query_timeout: 1000 });
    const client = await pool.connect();
    await client.query("begin");
    await expect(client.query("select pg_sleep(30) /* mark_client */")).rejects.toThrow(timedOut);
    expect(await atWork("mark_client")).toBe(0);
    await client.query("rollback");
    expect((await client.query("select 2 as two")).rows).toEqual([{ two: 2 }]);
    client.release();
  });
});

it("a write whose server does not answer in time, nor to a request to cancel, has an unknown outcome", async () => {
  pool = createPool({ writer: cluster.writer.url, max: 1, failoverTimeout: "1s" });
  await pool.query("create table if not exists silent (id int)");
  const locked = createPool({ writer: cluster.writer.url, max: 1 });
  const holder = await locked.connect();
  await holder.query("begin; lock table silent");
  const begin = performance.now();
  const write = pool
    .query({ text: "insert into silent values (1)", query_timeout: 300 })
    .catch((error) => error);
  await delay(100);
  cluster.writer.blackhole();
  const error = await write;
  expect(performance.now() - begin).toBeLessThan(5000);
  expect(error).toBeInstanceOf(WriteOutcomeUnknown);
  await cluster.heal();
  holder.release(true);
  await locked.end();
});

it("waiting for the writer counts: a write during a failover gives up at its own deadline", async () => {
  pool = createPool({ writer: cluster.writer.url, max: 1 });
  await pool.query("select 1");
  await cluster.crash(cluster.servers[0]);
  // It learns of the crash.
  await pool.query({ text: "select 2 for update", query_timeout: 500 }).catch(() => {});
  const begin = performance.now();
  await expect(
    pool.query({ text: "create table late (id int)", query_timeout: 200 }),
  ).rejects.toThrow(timedOut);
  expect(performance.now() - begin).toBeLessThan(1500);
});
