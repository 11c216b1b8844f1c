import { DataPointType, type Histogram, type MetricData } from "@opentelemetry/sdk-metrics";
import Cursor from "pg-cursor";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { type InstrumentOptions, instrumentPool } from "pointsman/opentelemetry";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Metric, metrics } from "../../src/monitoring/metrics.ts";
import { publish } from "../../src/telemetry/publish.ts";
import { paused } from "../freshness/paused.ts";
import { localCluster } from "../support/local-cluster.ts";
import { type Collected, collect } from "../support/opentelemetry.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets') as n;
  `,
});

interface Metered extends Collected {
  readonly pool: Pool;
  readonly stop: () => void;
}

function metered(options: InstrumentOptions = {}, poolOptions?: PoolOptions): Metered {
  const collected = collect();
  const pool = local.pool(poolOptions);
  return { ...collected, pool, stop: meter(pool, collected, options) };
}

function meter(pool: Pool, collected: Collected, options: InstrumentOptions = {}): () => void {
  const { tracerProvider, meterProvider } = collected;
  const stop = instrumentPool(pool, { tracerProvider, meterProvider, ...options });
  onTestFinished(stop);
  return stop;
}

const common = (pool: Pool) => {
  const { host, port, database } = pool.options;
  return {
    "db.system.name": "postgresql",
    "db.namespace": database,
    "db.client.connection.pool.name": `${host}:${port}/${database}`,
  };
};

const addressOf = ({ host, port }: { host: string; port: number }) => ({
  "server.address": host,
  "server.port": port,
});

/** The series of a metric: what tells each apart, and its value; of a histogram how many it has. */
function seriesOf(found: ReadonlyMap<string, MetricData>, name: string, pool: Pool) {
  return (found.get(name)?.dataPoints ?? []).map(({ attributes, value }) => {
    expect(attributes).toMatchObject(common(pool));
    const own = Object.entries(attributes).filter(([key]) => !(key in common(pool)));
    const number = typeof value === "number" ? value : (value as Histogram).count;
    return [Object.fromEntries(own), number] as const;
  });
}

/** What a metric is, pool by pool. */
function valuesByPool(found: ReadonlyMap<string, MetricData>, name: string) {
  return found
    .get(name)
    ?.dataPoints.map(({ attributes, value }) => [
      attributes["db.client.connection.pool.name"],
      value,
    ]);
}

/** What there is no fault for in these tests, told as the pool would tell it. */
function tellOfFaults(pool: Pool): void {
  const endpoint = "db.example.com:6543";
  const error = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  publish("connect", pool, () => ({ role: "reader", endpoint, durationMs: 20, error }));
  publish("eviction", pool, () => ({ role: "writer", endpoint, reason: "lost", ageMs: 5000 }));
  publish("failover", pool, () => ({ phase: "searching", endpoint, error }));
  publish("failover", pool, () => ({ phase: "found", endpoint, durationMs: 12_000 }));
}

describe("metrics for OpenTelemetry", () => {
  it("are all that are listed, each with its unit, its description and its kind", async () => {
    const one = metered();
    const { pool } = one;
    await pool.query("select n from next_ticket");
    await pool.query("insert into books values (1, 'Persuasion')");
    await paused(local.cluster, async () => {
      await pool.query("insert into books values (2, 'Emma')");
      await pool.query("select 1 from books");
    });
    tellOfFaults(pool);
    await until(
      "the pool knows what its process's position costs, and its reader's lag",
      async () => {
        await Promise.all(Array.from({ length: 50 }, () => pool.query("select 1 from books")));
        const { processShare, servers } = pool.stats().freshness;
        return (
          processShare !== undefined && servers.some(({ lagMillis }) => lagMillis !== undefined)
        );
      },
    );
    const found = await one.metrics();
    const known: readonly Metric[] = Object.values(metrics);
    expect([...found.keys()].sort()).toEqual(known.map(({ otel }) => otel).sort());
    for (const { otel, unit, description, kind, isKept } of known) {
      const data = found.get(otel);
      expect(data?.descriptor, otel).toMatchObject({ unit, description });
      const isCount = kind === "counter" || unit.startsWith("{");
      const expected =
        kind === "histogram"
          ? DataPointType.HISTOGRAM
          : isCount
            ? DataPointType.SUM
            : DataPointType.GAUGE;
      expect(data?.dataPointType, otel).toBe(expected);
      if (data?.dataPointType === DataPointType.SUM) {
        expect(data.isMonotonic, otel).toBe(kind === "counter" || isKept === true);
      }
    }
  });

  it("are of a hundred endpoints and a thousand failures, and of further ones as one, for good", async () => {
    const one = metered();
    for (let n = 0; n < 1200; n++) {
      const [endpoint, error] = [`reader:${n}`, Object.assign(new Error(), { code: `E${n}` })];
      publish("connect", one.pool, () => ({ role: "reader", endpoint, durationMs: 1, error }));
      // Its SDK bounds the series of one interval only.
      if (n % 400 === 0) await one.metrics();
    }
    const found = seriesOf(await one.metrics(), "db.client.connection.create_time", one.pool);
    expect(found).toHaveLength(1001);
    expect(found.at(-1)).toEqual([
      { "pointsman.role": "reader", "server.address": "other", "error.type": "_OTHER" },
      200,
    ]);
  });

  it("count statements by where they went, and why", async () => {
    const one = metered();
    await one.pool.query("select 1 from books");
    await one.pool.query("select 2 from books");
    await one.pool.query("delete from books where id < 0");
    const { cluster } = local;
    expect(seriesOf(await one.metrics(), "pointsman.statements", one.pool)).toEqual([
      [
        {
          "pointsman.role": "reader",
          "pointsman.reason": "plain-read",
          ...addressOf(cluster.reader),
        },
        2,
      ],
      [
        {
          "pointsman.role": "writer",
          "pointsman.reason": "data-change",
          ...addressOf(cluster.writer),
        },
        1,
      ],
    ]);
  });

  it("measure statements by their operation and error, in the conventions' buckets", async () => {
    const one = metered();
    await one.pool.query("select 1 from books");
    await rejection(one.pool.query("select 1/0 from (values (1)) as v"));
    const found = await one.metrics();
    const reader = { "pointsman.role": "reader", "db.operation.name": "SELECT" };
    expect(seriesOf(found, "db.client.operation.duration", one.pool)).toEqual([
      [reader, 1],
      [{ ...reader, "error.type": "22012" }, 1],
    ]);
    const [first] = found.get("db.client.operation.duration")?.dataPoints ?? [];
    expect(first?.value).toMatchObject({
      buckets: { boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
    });
  });

  it("tell of statements that are given up, by why, wherever they are then", async () => {
    const one = metered({}, { max: 1 });
    const holder = await one.pool.writer.connect();
    await rejection(one.pool.query({ text: "delete from books", query_timeout: 20 } as never));
    await rejection(one.pool.query({ text: "select 1", signal: AbortSignal.abort() }));
    const late = AbortSignal.timeout(20);
    await rejection(one.pool.query({ text: "select 1", target: "writer", signal: late }));
    holder.release();
    await rejection(one.pool.query({ text: "select pg_sleep(9)", query_timeout: 20 } as never));
    const client = await one.pool.reader.connect();
    const cursor = Object.assign(new Cursor("select pg_sleep(0.2)"), { query_timeout: 20 });
    await rejection(client.query(cursor).read(1));
    client.release(true);
    const found = await one.metrics();
    const told = seriesOf(found, "db.client.operation.duration", one.pool).map(
      ([labels, count]) => [labels["pointsman.role"], labels["error.type"], count],
    );
    expect(told).toEqual([
      ["writer", "QueryTimeout", 1],
      ["reader", "AbortError", 1],
      ["writer", "TimeoutError", 1],
      ["reader", "QueryTimeout", 2],
    ]);
  });

  it("tell of faults by where they were", async () => {
    const one = metered();
    tellOfFaults(one.pool);
    const found = await one.metrics();
    expect(seriesOf(found, "db.client.connection.create_time", one.pool)).toEqual([
      [
        {
          "pointsman.role": "reader",
          "server.address": "db.example.com",
          "server.port": 6543,
          "error.type": "ECONNREFUSED",
        },
        1,
      ],
    ]);
    expect(seriesOf(found, "pointsman.evictions", one.pool)).toEqual([
      [{ "pointsman.role": "writer", "pointsman.reason": "lost" }, 1],
    ]);
    expect(seriesOf(found, "pointsman.failovers", one.pool)).toEqual([[{}, 1]]);
    expect(seriesOf(found, "pointsman.failover.duration", one.pool)).toEqual([
      [{ "pointsman.outcome": "found" }, 1],
    ]);
  });

  it("read what the pool has, whenever somebody asks", async () => {
    const one = metered({}, { max: 3 });
    const holders = [await one.pool.writer.connect(), await one.pool.writer.connect()];
    const used = { "pointsman.role": "writer", "db.client.connection.state": "used" };
    const idle = { "pointsman.role": "writer", "db.client.connection.state": "idle" };
    const name = "db.client.connection.count";
    expect(seriesOf(await one.metrics(), name, one.pool)).toEqual(
      expect.arrayContaining([
        [used, 2],
        [idle, 0],
      ]),
    );
    for (const holder of holders) holder.release();
    const found = await one.metrics();
    expect(seriesOf(found, name, one.pool)).toEqual(
      expect.arrayContaining([
        [used, 0],
        [idle, 2],
      ]),
    );
    expect(seriesOf(found, "db.client.connection.max", one.pool)).toEqual([
      [{ "pointsman.role": "writer" }, 3],
      [{ "pointsman.role": "reader" }, 3],
    ]);
  });

  it("tell who waits for a client of connect(), who is on no side yet", async () => {
    const one = metered({}, { max: 1 });
    const holder = await one.pool.connect();
    const others = [1, 2].map(() => one.pool.connect());
    const found = await one.metrics();
    expect(seriesOf(found, "db.client.connection.pending_requests", one.pool)).toEqual([
      [{ "pointsman.role": "writer" }, 0],
      [{ "pointsman.role": "reader" }, 0],
      [{ "pointsman.role": "client" }, 2],
    ]);
    holder.release();
    for (const other of others) (await other).release();
  });

  it("keep two pools apart by their names", async () => {
    const collected = collect();
    const [first, second] = [local.pool(), createPool({ writer: local.cluster.writer.url })];
    onTestFinished(() => second.end());
    meter(first, collected, { poolName: "first" });
    meter(second, collected, { poolName: "second" });
    await first.query("select 1 from books");
    await second.query("select 1 from books");
    await second.query("select 2 from books");
    const found = await collected.metrics();
    expect(valuesByPool(found, "pointsman.statements")).toEqual([
      ["first", 1],
      ["second", 2],
    ]);
    expect(valuesByPool(found, "pointsman.writer.searching")).toEqual([
      ["first", 0],
      ["second", 0],
    ]);
  });

  it("are of pools called after their writers, each by itself, where they are given no names", async () => {
    const collected = collect();
    const { host, port } = local.cluster.writer;
    const oneServer = (max: number) => local.pool({ reader: undefined, max });
    const [first, second] = [oneServer(2), oneServer(3)];
    const stop = meter(first, collected);
    meter(second, collected);
    await first.query("select 1 from books");
    await second.query("select 1 from books");
    await second.query("select 2 from books");
    const name = `${host}:${port}/${first.options.database}`;
    const found = await collected.metrics();
    expect(valuesByPool(found, "pointsman.statements")).toEqual([
      [name, 1],
      [`${name}#2`, 2],
    ]);
    expect(valuesByPool(found, "db.client.connection.max")).toEqual([
      [name, 2],
      [`${name}#2`, 3],
    ]);
    stop();
    meter(oneServer(4), collected);
    expect(valuesByPool(await collected.metrics(), "db.client.connection.max")).toEqual([
      [name, 4],
      [`${name}#2`, 3],
    ]);
  });

  it("cannot be of two pools with one name, except for two providers", () => {
    const one = metered({ poolName: "shop" });
    const other = local.pool();
    expect(() => meter(other, one, { poolName: "shop" })).toThrow(
      /Another pool is instrumented as "shop"/,
    );
    meter(other, collect(), { poolName: "shop" });
    one.stop();
    meter(local.pool(), one, { poolName: "shop" });
  });

  it("stop with what instrumentPool() has returned", async () => {
    const one = metered();
    await one.pool.query("select 1 from books");
    one.stop();
    await one.pool.query("select 1 from books");
    const found = await one.metrics();
    expect(seriesOf(found, "pointsman.statements", one.pool).map(([, count]) => count)).toEqual([
      1,
    ]);
    expect(found.has("db.client.connection.count")).toBe(false);
  });
});
