import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { rowsTable, rowsThere, startLoad, untruths } from "./load.ts";

let cluster: Cluster;
let pool: Pool;

const setups: [string, () => Pool][] = [
  ["with readers", () => createPool({ writer: cluster.writer.url, reader: cluster.reader.url })],
  ["with one server", () => createPool({ writer: cluster.writer.url })],
];

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster.stop());
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

describe.each(setups)("a planned switchover %s", (_name, make) => {
  beforeEach(async () => {
    pool = make();
    await pool.query(rowsTable);
    await cluster.waitForReplay();
  });

  it("R23: costs waiting only, where connections stay open and lead to a reader now", async () => {
    const load = startLoad(pool);
    await load.written(50);
    await cluster.demote();
    await load.written(50);
    const ledger = await load.stop();
    expect([...ledger.refused.values()].map(String)).toEqual([]);
    expect(ledger.failedReads.map(String)).toEqual([]);
    expect(untruths(ledger, await rowsThere(cluster.writer.url))).toEqual([]);
    // Where the machine is slow, connections do not get quiet in time, and are cut.
    const met = pool.stats().reasons["writer-moved"] + ledger.unknown.size;
    expect(met).toBeGreaterThan(0);
    expect(pool.stats().failover).toMatchObject({ searching: false, waiting: 0 });
  });

  it("costs waiting only, where the endpoint leads to the old writer for a while", async () => {
    const load = startLoad(pool);
    await load.written(50);
    await cluster.demote({ keepConnections: false, endpointDelayMs: 1000 });
    await load.written(50);
    const ledger = await load.stop();
    expect([...ledger.refused.values()].map(String)).toEqual([]);
    expect(ledger.failedReads.map(String)).toEqual([]);
    expect(untruths(ledger, await rowsThere(cluster.writer.url))).toEqual([]);
  });

  it("a transaction of a checked-out client that begins after it is whole on the new writer", async () => {
    const before = await pool.connect();
    await before.query("select count(*) from rows_written for update").catch(() => {});
    before.release();
    await cluster.demote();
    await delay(1000);
    const client = await pool.connect();
    await client.query("begin");
    await client.query("insert into rows_written values (-4)");
    await client.query("commit");
    client.release();
    expect((await rowsThere(cluster.writer.url)).has(-4)).toBe(true);
    expect(pool.stats().failover.searches).toBeGreaterThan(0);
    await pool.query("delete from rows_written where id < 0");
  });

  it("R27: repeats a transaction as a whole when that was asked for", async () => {
    await pool.query("insert into rows_written values (-1)");
    const runs: number[] = [];
    await cluster.demote();
    await pool.transaction(
      async (tx) => {
        runs.push(runs.length);
        await tx.query("insert into rows_written values (-2)");
      },
      { retries: 2 },
    );
    const there = await rowsThere(cluster.writer.url);
    expect(there.has(-2)).toBe(true);
    expect(runs.length).toBeLessThanOrEqual(2);
    await pool.query("delete from rows_written where id < 0");
  });
});

describe("a client that is held across a planned switchover", () => {
  it("R25: writes on the new writer, when its connection carried no session", async () => {
    pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
    await pool.query(rowsTable);
    const client = await pool.connect();
    try {
      await client.query("insert into rows_written values (-3)");
      const [former] = cluster.servers;
      const logged = former.log().length;
      await cluster.demote();
      await client.query("insert into rows_written values (-4)");
      const there = await rowsThere(cluster.writer.url);
      expect([there.has(-3), there.has(-4)]).toEqual([true, true]);
      const refusals = former
        .log()
        .slice(logged)
        .match(/cannot execute INSERT/g);
      expect(refusals).toHaveLength(1);
    } finally {
      client.release();
      await pool.query("delete from rows_written where id < 0");
    }
  });
});

it("a write that was refused is not failed when the connection is lost that would tell why", async () => {
  const relay = new CuttableRelay(cluster.writer, "select pg_catalog.pg_is_in_recovery()");
  await relay.open();
  pool = createPool({ writer: relay.url(cluster.writer.url), max: 1 });
  try {
    await pool.query(rowsTable);
    let over = false;
    const demoted = cluster.demote().finally(() => {
      over = true;
    });
    // A connection that is in use is not asked first.
    while (!over) await pool.query("select 1");
    await pool.query("insert into rows_written values (-5)");
    await demoted;
    expect(pool.stats().reasons["writer-moved"]).toBe(1);
    expect((await rowsThere(cluster.writer.url)).has(-5)).toBe(true);
    await pool.query("delete from rows_written where id = -5");
  } finally {
    await relay.close();
  }
});

describe("a write inside the caller's own READ ONLY transaction", () => {
  it("R23: is refused, and the writer stays where it is", async () => {
    pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
    await pool.query(rowsTable);
    const client = await pool.connect();
    await client.query("begin");
    await client.query("set transaction read only");
    const refusal = await client.query("insert into rows_written values (-3)").catch((e) => e.code);
    await client.query("rollback");
    client.release();
    await pool.query("select 1");
    expect(refusal).toBe("25006");
    expect(pool.stats().failover.searches).toBe(0);
  });
});
