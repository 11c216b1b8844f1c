import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, WriteOutcomeUnknown } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster?.stop());

describe.each([
  ["one server", () => ({ writer: cluster.writer.url })],
  ["with a reader", () => ({ writer: cluster.writer.url, reader: cluster.reader.url })],
])("end(), %s", (_name, ends) => {
  it("waits for a statement that is at work", async () => {
    const pool = createPool({ ...ends(), endTimeout: "5s" });
    const slow = pool.query("select 1 as one, pg_sleep(0.3)");
    await pool.end();
    expect((await slow).rows[0].one).toBe(1);
  });

  it("does not wait longer than endTimeout, for whatever is in use", async () => {
    const pool = createPool({ ...ends(), max: 3, endTimeout: 300 });
    const settle = (statement: Promise<unknown>) =>
      statement.then(
        () => "answered",
        (error) => error,
      );
    const client = await pool.connect();
    await client.query("select 1 for update");
    const read = settle(pool.query("select pg_sleep(20)"));
    const write = settle(pool.query("create table ended as select 1 as n from pg_sleep(20)"));
    await until("all are at work", () => pool.writer.totalCount + pool.reader.totalCount >= 3);
    await delay(300);
    const begin = performance.now();
    await pool.end();
    expect(performance.now() - begin).toBeLessThan(1500);
    expect(await read).toBeInstanceOf(Error);
    expect(await write).toBeInstanceOf(WriteOutcomeUnknown);
    expect(() => client.release()).not.toThrow();
    await expect(client.query("select 2")).rejects.toThrow();
    expect([pool.totalCount, pool.writer.totalCount, pool.reader.totalCount]).toEqual([0, 0, 0]);
  });

  it("a client that nobody gives back keeps nobody waiting, who waits for it is told", async () => {
    const pool = createPool({ ...ends(), max: 1, endTimeout: 200 });
    await pool.connect();
    const waiting = pool.connect().catch((error) => error);
    const begin = performance.now();
    await pool.end();
    expect((await waiting).message).toContain("endTimeout");
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});
