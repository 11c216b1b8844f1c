import type { Pool, PoolOptions } from "pointsman";
import { type CollectMetricsOptions, collectMetrics } from "pointsman/prometheus";
import { AggregatorRegistry, register as globalRegister, Registry } from "prom-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { PoolSeries } from "../../src/integrations/prometheus-series.ts";
import { type Metric, type MetricName, metrics } from "../../src/monitoring/metrics.ts";
import type { ReaderServerStats } from "../../src/stats.ts";
import { publish } from "../../src/telemetry/publish.ts";
import { forced, openAll } from "../lanes/forced.ts";
import { localCluster } from "../support/local-cluster.ts";
import { scrape } from "../support/scrape.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 2,
  schema: `create table items (id int); create sequence tickets;
    create view next_ticket as select nextval('tickets') as n`,
});

const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
const readers = () => local.cluster.readers.map(({ url }) => url);
const eventually = { text: "select id from items", consistency: "eventual" } as const;

/** A pool whose metrics are in a registry of the test's own. */
function collected(
  options: PoolOptions = {},
  { register = new Registry(), ...rest }: CollectMetricsOptions & { register?: Registry } = {},
): { pool: Pool; register: Registry; stop: () => void } {
  const pool = local.pool(options);
  const stop = collectMetrics(pool, { register, pool: "main", ...rest });
  onTestFinished(stop);
  return { pool, register, stop };
}

async function failOver(pool: Pool): Promise<void> {
  await pool.query("insert into items values (1)");
  await local.cluster.demote();
  onTestFinished(() => local.cluster.heal());
  await until("the new writer writes", () =>
    pool.query("insert into items values (2)").then(
      () => true,
      () => false,
    ),
  );
}

/** Has readers fall behind a write, until the test is over. */
async function fallBehind(pool: Pool): Promise<void> {
  await pool.query("insert into items values (3)");
  await local.cluster.waitForReplay();
  await pool.query("select id from items");
  await local.cluster.pauseReplay();
  onTestFinished(() => local.cluster.resumeReplay());
  await pool.query("insert into items values (3)");
  await pool.query("select id from items");
}

describe("what Prometheus scrapes", () => {
  it("has every metric by its name, with type, labels and meaning", async () => {
    const { pool, register } = collected({
      readers: readers(),
      max: 1,
      failoverTimeout: 20_000,
      lanes: forced,
    });
    await openAll(pool.reader);
    await pool.query("select n from next_ticket");
    (await pool.writer.connect()).release(true);
    await failOver(pool);
    for (let count = 0; count < 1_000; count++) await pool.query("select id from items");
    await fallBehind(pool);

    const { types, helps, samples, contentType } = await scrape(register);
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    const all = Object.values<Metric>(metrics);
    expect(types).toEqual(Object.fromEntries(all.map((one) => [one.prometheus, one.kind])));
    expect(helps).toEqual(Object.fromEntries(all.map((one) => [one.prometheus, one.description])));
    const found = Object.fromEntries(
      all.map(({ prometheus, kind }) => {
        const names =
          kind === "histogram"
            ? ["_bucket", "_sum", "_count"].map((end) => prometheus + end)
            : [prometheus];
        const series = names.map((name) => samples.filter((sample) => sample.name === name));
        const labels = series.map((of) => new Set(of.flatMap((one) => Object.keys(one.labels))));
        return [prometheus, labels];
      }),
    );
    expect(found).toEqual(
      Object.fromEntries(
        all.map(({ prometheus, kind, labels }) => {
          const own = new Set(["pool", ...labels]);
          return [prometheus, kind === "histogram" ? [new Set([...own, "le"]), own, own] : [own]];
        }),
      ),
    );
  }, 90_000);

  it("counts statements by where they went and why, and times them", async () => {
    const { pool, register } = collected();
    await pool.query(eventually);
    await pool.query(eventually);
    await pool.query({ text: "select 1", target: "writer" });
    await rejection(pool.query("insert into items values (1/0)"));
    const { value } = await scrape(register);
    const [writer, reader] = [addressOf(local.cluster.writer), addressOf(local.cluster.reader)];
    const count = (role: string, reason: string, endpoint: string) =>
      value("pointsman_statements_total", { pool: "main", role, reason, endpoint });
    expect(count("reader", "plain-read", reader)).toBe(2);
    expect(count("writer", "asked", writer)).toBe(1);
    expect(count("writer", "data-change", writer)).toBe(1);
    const duration = (end: string, role: string, operation: string, error: string) =>
      value(`pointsman_statement_duration_seconds_${end}`, { role, operation, error });
    expect(duration("count", "reader", "SELECT", "")).toBe(2);
    expect(duration("count", "writer", "INSERT", "22012")).toBe(1);
    expect(duration("sum", "reader", "SELECT", "")).toBeGreaterThan(0);
    expect(value("pointsman_connection_wait_seconds_count", { role: "reader" })).toBe(2);
    expect(value("pointsman_connection_create_seconds_count", { role: "reader" })).toBe(1);
    expect(value("pointsman_freshness_total", { outcome: "not-needed" })).toBe(4);
  });

  it.each([
    ["AbortError", "for no reason", undefined],
    ["AbortError", "for a reason that is a text", "Client connection prematurely closed."],
    ["RangeError", "for an error", new RangeError("It is too late.")],
    [
      "FST_ERR_HANDLER_TIMEOUT",
      "for an error",
      Object.assign(new Error(), { code: "FST_ERR_HANDLER_TIMEOUT" }),
    ],
  ])("counts what its caller has given up as %s when that was %s", async (label, _, reason) => {
    const { pool, register } = collected();
    const giveUp = new AbortController();
    const text = "select pg_sleep(30)";
    const failed = pool.query({ text, target: "writer", signal: giveUp.signal }).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    const other = await local.connect();
    const runs = `select from pg_stat_activity where state = 'active' and query = '${text}'`;
    await until("it runs", async () => (await other.query(runs)).rowCount === 1);
    giveUp.abort(reason);
    expect(await failed).toBe(giveUp.signal.reason);
    const { samples } = await scrape(register);
    const errors = samples
      .filter(({ name }) => name === "pointsman_statement_duration_seconds_count")
      .map(({ labels }) => labels["error"]);
    expect(errors).toEqual([label]);
  });

  it("counts what takes longer than its caller waits as TimeoutError", async () => {
    const { pool, register } = collected();
    await pool.query({ text: "select 1", target: "writer" });
    const signal = AbortSignal.timeout(50);
    await rejection(pool.query({ text: "select pg_sleep(30)", target: "writer", signal }));
    const { value } = await scrape(register);
    const name = "pointsman_statement_duration_seconds_count";
    expect(value(name, { error: "TimeoutError" })).toBe(1);
  });

  it("tells of a text that a reader has refused", async () => {
    const { pool, register } = collected();
    expect((await scrape(register)).value("pointsman_refusals_total")).toBe(0);
    await pool.query("select n from next_ticket");
    await pool.query("select n from next_ticket");
    const { value } = await scrape(register);
    expect(value("pointsman_refusals_total")).toBe(1);
    expect(value("pointsman_refused_texts")).toBe(1);
    expect(value("pointsman_retries_total", { role: "writer", reason: "after-refusal" })).toBe(1);
    expect(value("pointsman_statements_total", { reason: "refused" })).toBe(1);
  });

  it("tells of a reader that is gone, and of its return", async () => {
    const [gone, other] = local.cluster.readers;
    if (gone === undefined || other === undefined) throw new Error("There are two readers.");
    const { pool, register } = collected({ readers: readers(), max: 2 });
    pool.on("error", () => {});
    const available = async (endpoint: string) =>
      (await scrape(register)).value("pointsman_reader_available", { endpoint });
    expect(await available(addressOf(gone))).toBe(1);
    await local.cluster.crash(gone);
    onTestFinished(() => local.cluster.heal());
    await until("it is told", async () => {
      await Promise.all([1, 2].map(() => pool.query("select pg_sleep(0.01)")));
      return (await available(addressOf(gone))) === 0;
    });
    expect(await available(addressOf(other))).toBe(1);
    const { samples } = await scrape(register);
    const failed = samples.filter(
      ({ name, labels }) =>
        name === "pointsman_connection_create_seconds_count" &&
        labels["endpoint"] === addressOf(gone) &&
        labels["error"] !== "",
    );
    expect(failed.length).toBeGreaterThan(0);
    await local.cluster.heal();
    await until("it is back", async () => {
      await Promise.all([1, 2].map(() => pool.query("select pg_sleep(0.01)")));
      return (await available(addressOf(gone))) === 1;
    });
  }, 60_000);

  it("tells how far readers are behind, and which reads did not find what they must see", async () => {
    const { pool, register } = collected({ reader: readers()[0], maxLag: "10s" });
    await fallBehind(pool);
    await until("somebody knows how far", async () => {
      await pool.query("select id from items");
      return ((await scrape(register)).value("pointsman_reader_lag_seconds") ?? 0) > 0.05;
    });
    const { value } = await scrape(register);
    expect(value("pointsman_guards_total", { outcome: "behind" })).toBeGreaterThan(0);
    expect(value("pointsman_freshness_total", { outcome: "writer" })).toBeGreaterThan(0);
    await local.cluster.resumeReplay();
    await local.cluster.waitForReplay();
    await until("they have caught up", async () => {
      await pool.query("select id from items");
      return (await scrape(register)).value("pointsman_reader_lag_seconds") === 0;
    });
  });

  it("tells of connections, of whoever waits for one, and of whoever gets none", async () => {
    const { pool, register } = collected({ max: 1, connectionTimeoutMillis: 400 });
    const value = async (name: string, labels = {}) => (await scrape(register)).value(name, labels);
    expect(await value("pointsman_connection_timeouts_total", { role: "writer" })).toBe(0);
    const holder = await pool.writer.connect();
    const waiting = rejection(pool.query({ text: "select 1", target: "writer" }));
    const role = "writer";
    const { value: now } = await scrape(register);
    expect(now("pointsman_connections_waiting", { role })).toBe(1);
    expect(now("pointsman_connections", { role, state: "used" })).toBe(1);
    expect(now("pointsman_connections", { role, state: "idle" })).toBe(0);
    expect(now("pointsman_connections_max", { role })).toBe(1);
    await waiting;
    expect(await value("pointsman_connection_timeouts_total", { role })).toBe(1);
    holder.release(true);
    expect(await value("pointsman_evictions_total", { role, reason: "failed" })).toBe(1);
    expect(await value("pointsman_connections", { role, state: "used" })).toBe(0);
  });

  it("tells in the first scrape that the writer is not looked for, where there is none, too", async () => {
    const { register } = collected();
    expect((await scrape(register)).value("pointsman_writer_searching")).toBe(0);
    const { register: other } = collected({ readOnly: true });
    expect((await scrape(other)).value("pointsman_writer_searching")).toBe(0);
  });

  it("tells of a search for the writer, and how long it took", async () => {
    const { pool, register } = collected();
    expect((await scrape(register)).value("pointsman_failovers_total")).toBe(0);
    await failOver(pool);
    const { value } = await scrape(register);
    const { searches } = pool.stats().failover;
    expect(searches).toBeGreaterThan(0);
    expect(value("pointsman_failovers_total")).toBe(searches);
    const outcome = "found";
    expect(value("pointsman_failover_duration_seconds_count", { outcome })).toBe(searches);
    expect(value("pointsman_writer_searching")).toBe(0);
  }, 60_000);

  it("counts what lanes carry, without ever taking it back", async () => {
    const { pool, register } = collected({ lanes: forced, max: 4 });
    await openAll(pool.reader);
    const carried = async () =>
      (await scrape(register)).value("pointsman_lane_reads_total", {
        role: "reader",
        outcome: "carried",
      });
    await Promise.all(Array.from({ length: 20 }, () => pool.query(eventually)));
    const { carried: ridden = 0 } = pool.stats().reader?.lanes ?? {};
    expect(ridden).toBeGreaterThan(0);
    for (const _ of [1, 2]) expect(await carried()).toBe(ridden);
    const lanes = (await scrape(register)).value("pointsman_lanes", { role: "reader" });
    expect(lanes).toBe(pool.stats().reader?.lanes?.open);
  });
});

describe("of endpoints that come and go", () => {
  it("a hundred are told, and what is counted at further ones as one", async () => {
    const { pool, register } = collected();
    for (let n = 0; n < 300; n++) {
      const endpoint = `reader:5432 (10.0.0.${n})`;
      publish("guard", pool, () => ({ id: n, endpoint, outcome: "proved" }));
      const connect = { role: "reader", endpoint, durationMs: 1 } as const;
      publish("connect", pool, () => ({ ...connect, error: new Error(`${n}`) }));
      publish("connect", pool, () => connect);
    }
    const { samples } = await scrape(register);
    const of = (name: string, labels: object = {}) =>
      samples.filter((one) => {
        return one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v);
      });
    const sum = (some: typeof samples) => some.reduce((all, { value }) => all + value, 0);
    const guards = of("pointsman_guards_total");
    expect(guards).toHaveLength(101);
    expect(guards.at(-1)).toMatchObject({ labels: { endpoint: "other" }, value: 200 });
    expect(sum(guards)).toBe(300);
    const connects = "pointsman_connection_create_seconds_count";
    expect(sum(of(connects, { error: "" }))).toBe(300);
    expect(sum(of(connects, { error: "", endpoint: "other" }))).toBe(200);
    expect(of(connects)).toHaveLength(202);
  });

  it("each is told by its name while it is there, and is gone when it is gone", async () => {
    const { pool } = collected();
    const register = new Registry();
    let nth = 0;
    const changing = {
      options: pool.options,
      stats: () => {
        const stats = pool.stats();
        const server = { endpoint: `reader:${nth}`, lagMillis: 0 } as ReaderServerStats;
        return { ...stats, freshness: { ...stats.freshness, servers: [server] } };
      },
    };
    onTestFinished(collectMetrics(changing, { register, pool: "changing" }));
    const lag = register.getSingleMetric(metrics.readerLag.prometheus);
    const told = async () => (await lag?.get())?.values.map(({ labels }) => labels["endpoint"]);
    for (nth = 0; nth < 150; nth++) expect(await told()).toEqual([`reader:${nth}`]);
  });
});

it("a counter of the pool's own that begins anew is added to what it had come to", () => {
  const series = new PoolSeries(local.pool(), "main");
  const grown = [5, 5, 7, 3].map((value) => series.growth("refusals", {}, value));
  expect(grown).toEqual([5, 0, 2, 3]);
});

describe("several pools in one registry", () => {
  it("share its metrics, each with a label of its own", async () => {
    const { pool, register } = collected();
    const { pool: other } = collected({}, { register, pool: "other" });
    await pool.query(eventually);
    await other.query(eventually);
    await other.query("select n from next_ticket");
    const { value } = await scrape(register);
    const reason = "plain-read";
    expect(value("pointsman_statements_total", { pool: "main", reason })).toBe(1);
    expect(value("pointsman_statements_total", { pool: "other", reason })).toBe(1);
    expect(value("pointsman_refusals_total", { pool: "main" })).toBe(0);
    expect(value("pointsman_refusals_total", { pool: "other" })).toBe(1);
  });

  it("are called after their writers, where they are given no names", async () => {
    const register = new Registry();
    for (const _ of [1, 2]) {
      const pool = local.pool();
      onTestFinished(collectMetrics(pool, { register }));
    }
    const { samples } = await scrape(register);
    const { writer, database } = local.cluster;
    const name = `${addressOf(writer)}/${database}`;
    expect(new Set(samples.map(({ labels }) => labels["pool"]))).toEqual(
      new Set([name, `${name}#2`]),
    );
  });

  it("cannot have one name, nor one pool be there twice", () => {
    const { pool, register } = collected();
    expect(() => collected({}, { register })).toThrow(/Another pool is collected as "main"/);
    expect(() => collectMetrics(pool, { register, pool: "again" })).toThrow(/already/);
    expect(() => collectMetrics(pool, { register: new Registry(), pool: "" })).toThrow(/empty/);
  });

  it("leave with all their series when they are stopped, and take nothing of others along", async () => {
    const { pool, register, stop } = collected({ lanes: forced });
    const { pool: other } = collected({}, { register, pool: "other" });
    await pool.query("select n from next_ticket");
    await other.query(eventually);
    await scrape(register);
    stop();
    stop();
    await pool.query(eventually);
    const { samples } = await scrape(register);
    expect(new Set(samples.map(({ labels }) => labels["pool"]))).toEqual(new Set(["other"]));
    onTestFinished(collectMetrics(pool, { register, pool: "main" }));
    const { value } = await scrape(register);
    expect(value("pointsman_statements_total", { pool: "main" })).toBeUndefined();
    expect(value("pointsman_refusals_total", { pool: "main" })).toBe(1);
  });
});

describe("a registry", () => {
  it("is prom-client's own where none is given, and may be cleared", async () => {
    onTestFinished(() => globalRegister.clear());
    const [first, second] = [local.pool(), local.pool()];
    onTestFinished(collectMetrics(first, { pool: "first" }));
    await first.query(eventually);
    expect((await scrape(globalRegister)).value("pointsman_statements_total")).toBe(1);
    globalRegister.clear();
    onTestFinished(collectMetrics(second, { pool: "first" }));
    await second.query(eventually);
    const { value } = await scrape(globalRegister);
    expect(value("pointsman_statements_total", { pool: "first" })).toBe(1);
  });

  it("is put together with those of other workers, gauges by what they mean", async () => {
    const { register } = collected();
    const all = await register.getMetricsAsJSON();
    const worker = (value: number) =>
      all.map((metric) => ({ ...metric, values: [{ labels: {}, value }] }));
    const together = AggregatorRegistry.aggregate([worker(0.2), worker(0.6)]);
    const told = async (name: MetricName) =>
      (await together.getSingleMetric(metrics[name].prometheus)?.get())?.values[0]?.value;
    for (const name of ["statements", "connections", "connectionsMax", "writerWaiting"] as const) {
      expect(await told(name), name).toBeCloseTo(0.8);
    }
    expect(await told("readerAvailable")).toBe(0.2);
    expect(await told("readerLag")).toBe(0.6);
    expect(await told("writerSearching")).toBe(0.6);
    expect(await told("processShare")).toBeCloseTo(0.4);
  });

  it("may be one of OpenMetrics", async () => {
    const register = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const pool = local.pool();
    onTestFinished(collectMetrics(pool, { register, pool: "main" }));
    await pool.query(eventually);
    for (const _ of [1, 2]) {
      const { types, value, text } = await scrape(register);
      expect(text).toMatch(/# EOF\n$/);
      expect(types["pointsman_statements"]).toBe("counter");
      expect(value("pointsman_statements_total")).toBe(1);
      expect(value("pointsman_refusals_total")).toBe(0);
    }
    const second = local.pool();
    onTestFinished(collectMetrics(second, { register, pool: "second" }));
  });

  it("has the buckets that its first pool asks for", async () => {
    const buckets = [0.25, 4];
    const { register, pool } = collected({}, { buckets });
    await pool.query(eventually);
    const bounds = async (name: string) =>
      (await scrape(register)).samples
        .filter((sample) => sample.name === `${name}_bucket`)
        .map(({ labels }) => labels["le"]);
    expect(await bounds(metrics.statementDuration.prometheus)).toEqual(["0.25", "4", "+Inf"]);
    collected({}, { register, pool: "same", buckets: [...buckets] });
    collected({}, { register, pool: "any" });
    expect(() => collected({}, { register, pool: "others", buckets: [1] })).toThrow(/0\.25, 4/);
  });

  it.each([[[]], [[1, 1]], [[2, 1]], [[0, 1]], [[1, Number.POSITIVE_INFINITY]], [[Number.NaN]]])(
    "has no buckets that are not seconds above 0, ascending: %j",
    (buckets) => {
      expect(() => collected({}, { buckets })).toThrow(/seconds above 0/);
    },
  );
});
