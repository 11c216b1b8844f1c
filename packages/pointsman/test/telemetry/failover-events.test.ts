import { type Cluster, type Reader, startCluster } from "@pointsman/local";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { rowsTable, startLoad } from "../failover/load.ts";
import { eventsOfPool } from "../support/pool-events.ts";
import { until } from "../support/waiting.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster.stop());
afterEach(() => cluster.heal());

function open(options: PoolOptions = {}): Pool {
  const pool = createPool({
    writer: cluster.writer.url,
    ...("reader" in options ? {} : { readers: cluster.readers.map(({ url }) => url) }),
    consistency: "eventual",
    catalog: false,
    ...options,
  });
  pool.on("error", () => {});
  onTestFinished(async () => {
    await pool.end().catch(() => {});
  }, 5000);
  return pool;
}

const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
const firstReader = () => cluster.readers[0] as Reader;
const manyReads = (pool: Pool) =>
  Promise.all(Array.from({ length: 6 }, () => pool.query("select pg_sleep(0.02)")));

describe("pointsman:reader", () => {
  it("tells once that a reader is out, and once that it is back", async () => {
    const pool = open();
    const { readers, evictions } = eventsOfPool(pool);
    await manyReads(pool);
    const reader = firstReader();
    const endpoint = addressOf(reader);
    await cluster.crash(reader);
    await until("it is out", async () => {
      await manyReads(pool);
      return readers.length > 0;
    });
    // Others find it out too, and tell nothing new.
    await manyReads(pool);
    await cluster.heal();
    await until("it is back", () => pool.stats().reader?.endpoints[0]?.available === true, 20_000);
    expect(readers).toEqual([
      {
        endpoint,
        available: false,
        because: expect.stringMatching(/^It cannot be reached: .*\.$/),
      },
      { endpoint, available: true, because: "It can be reached again." },
    ]);
    const lost = evictions.filter((event) => event.endpoint === endpoint);
    expect(new Set(lost.map(({ reason }) => reason))).toEqual(new Set(["lost"]));
  });

  it("tells that one is out since it is too far behind, and its connections are retired", async () => {
    const pool = open({ maxLag: "300ms" });
    const { readers, evictions } = eventsOfPool(pool);
    const other = open();
    await other.query(rowsTable);
    await cluster.waitForReplay();
    await manyReads(pool);
    const reader = firstReader();
    await reader.pauseReplay();
    let row = 0;
    await until("it is out", async () => {
      row += 1;
      await other.query("insert into rows_written values ($1)", [row]);
      await manyReads(pool);
      return readers.length > 0;
    });
    await reader.resumeReplay();
    await until("it is back", () => readers.length > 1, 20_000);
    const endpoint = addressOf(reader);
    expect(readers).toMatchObject([
      { endpoint, available: false, because: expect.stringMatching(/ms behind the writer/) },
      { endpoint, available: true, because: "It has caught up with the writer." },
    ]);
    await manyReads(pool);
    const gone = evictions.filter((event) => event.endpoint === endpoint);
    expect(new Set(gone.map(({ reason }) => reason))).toEqual(new Set(["retired"]));
  });

  it("tells of readers that join and leave the cluster, whose connections are retired", async () => {
    const [first, second] = cluster.readers as [Reader, Reader];
    const hidden = new Set([second.name]);
    const pool = open({
      readers: [first.url],
      readerPool: { idleTimeoutMillis: 0, max: 4 },
      topology: {
        type: "replication",
        interval: "100ms",
        instance: (name) => {
          const server = cluster.servers.find((one) => one.name === name && !hidden.has(name));
          return server && { host: server.host, port: server.port };
        },
      },
    });
    const { readers, evictions } = eventsOfPool(pool);
    await manyReads(pool);
    await until("it is looked at", () => (pool.stats().topology?.looks ?? 0) > 0);
    expect(readers).toEqual([]);
    hidden.clear();
    const endpoint = addressOf(second);
    await until("it serves", async () => {
      await manyReads(pool);
      const at = pool.stats().reader?.endpoints.find((one) => one.endpoint === endpoint);
      return (at?.connections ?? 0) > 0;
    });
    expect(evictions.every((event) => event.endpoint === addressOf(first))).toBe(true);
    hidden.add(second.name);
    await until("it has left", () => evictions.some((event) => event.endpoint === endpoint));
    expect(readers).toEqual([
      { endpoint, available: true, because: "It is one of the cluster's readers." },
      { endpoint, available: false, because: "It is none of the cluster's readers any more." },
    ]);
    expect(new Set(evictions.map(({ reason }) => reason))).toEqual(new Set(["retired"]));
  });
});

describe("pointsman:eviction", () => {
  it("retired: a reader has a connection too many when another one is back", async () => {
    const pool = open({ readerPool: { max: 4 } });
    const { evictions } = eventsOfPool(pool);
    const reader = firstReader();
    await cluster.crash(reader);
    await manyReads(pool);
    await manyReads(pool);
    await cluster.heal();
    await until(
      "one has moved",
      async () => {
        await manyReads(pool);
        return evictions.some(({ reason }) => reason === "retired");
      },
      30_000,
    );
    const moved = evictions.filter(({ reason }) => reason === "retired");
    expect(new Set(moved.map(({ endpoint }) => endpoint))).toEqual(
      new Set([addressOf(cluster.readers[1] as Reader)]),
    );
  });

  it("silent: a writer does not answer a statement, nor a request to cancel it", async () => {
    const pool = open();
    const { evictions, failovers } = eventsOfPool(pool);
    await pool.query(rowsTable);
    const write = pool
      .query({ text: "create table asleep as select pg_sleep(10)", query_timeout: 200 })
      .catch((error) => error);
    cluster.writer.blackhole();
    expect(await write).toMatchObject({ code: "WRITE_OUTCOME_UNKNOWN" });
    await until("its connection is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([
      { role: "writer", reason: "silent", error: { message: expect.any(String) } },
    ]);
    await cluster.heal();
    await pool.query("drop table if exists asleep");
    expect(failovers.map(({ phase }) => phase).every((phase) => phase !== "ended")).toBe(true);
  });

  it("silent: a reader has vanished under statements", async () => {
    const pool = open();
    const { evictions, readers } = eventsOfPool(pool);
    const load = startLoad(pool, { writers: 0, readers: 8 });
    await until("there are reads", () => load.ledger.reads > 100);
    const reader = firstReader();
    reader.blackhole();
    await until("it is noticed", () => evictions.some(({ reason }) => reason === "silent"));
    expect((await load.stop()).failedReads.map(String)).toEqual([]);
    const silent = evictions.filter(({ reason }) => reason === "silent");
    expect(new Set(silent.map(({ endpoint }) => endpoint))).toEqual(new Set([addressOf(reader)]));
    expect(readers[0]).toMatchObject({ endpoint: addressOf(reader), available: false });
  });
});

describe("pointsman:failover", () => {
  it("tells that the writer is looked for, then that it is found, with the time it took", async () => {
    const pool = open();
    const bystander = open({ reader: cluster.reader.url });
    const { failovers, evictions, connects } = eventsOfPool(pool);
    const others = eventsOfPool(bystander);
    await pool.query(rowsTable);
    await cluster.waitForReplay();
    const reader = firstReader();
    const promotedAt = performance.now();
    await cluster.promote(reader, { endpointDelayMs: 500 });
    await until("it writes again", () =>
      pool.query("insert into rows_written values (-1)").then(
        () => true,
        () => false,
      ),
    );
    const took = performance.now() - promotedAt;
    const endpoint = addressOf(cluster.writer);
    expect(failovers).toMatchObject([
      { phase: "searching", endpoint, error: expect.any(Error) },
      { phase: "found", durationMs: expect.any(Number) },
    ]);
    // Its own endpoint, or that of the reader that was promoted, whichever leads to it sooner.
    expect([endpoint, addressOf(reader)]).toContain(failovers[1]?.endpoint);
    expect(failovers[1]?.durationMs).toBeGreaterThan(0);
    expect(failovers[1]?.durationMs).toBeLessThan(took);
    expect(failovers[0]).not.toHaveProperty("durationMs");
    // What looked for the writer is not told of: what was opened was for statements.
    expect(connects.length).toBeLessThan(20);
    expect(evictions.filter(({ role }) => role === "writer").length).toBeGreaterThan(0);
    expect(others.failovers).toEqual([]);
  });

  it("retired: connections that lead to a writer no more, where they stay open", async () => {
    const pool = open({ idleTimeoutMillis: 0 });
    await pool.query(rowsTable);
    const { failovers, evictions } = eventsOfPool(pool);
    const load = startLoad(pool);
    await load.written(20);
    await cluster.demote();
    await load.written(20);
    await load.stop();
    expect(failovers.map(({ phase }) => phase).slice(0, 2)).toEqual(["searching", "found"]);
    expect(evictions.some(({ role, reason }) => role === "writer" && reason === "retired")).toBe(
      true,
    );
  });

  it("tells that the search is ended with the pool", async () => {
    const pool = open();
    await pool.query(rowsTable);
    const { failovers } = eventsOfPool(pool);
    await cluster.crash(cluster.servers[0]);
    const write = pool.query("insert into rows_written values (-2)").catch(() => {});
    await until("it is looked for", () => failovers.length > 0);
    await pool.end();
    await write;
    expect(failovers).toMatchObject([
      { phase: "searching", error: expect.any(Error) },
      { phase: "ended", endpoint: addressOf(cluster.writer), durationMs: expect.any(Number) },
    ]);
  });
});
