import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { until } from "../support/until.ts";
import { rowsTable } from "./load.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1, aurora: true });
});
afterAll(() => cluster.stop());

const instance = (name: string) => {
  const server = cluster.servers.find((one) => one.name === name);
  return server && { host: server.host, port: server.port };
};

function open(options: PoolOptions = {}): Pool {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    consistency: "eventual",
    topology: { type: "aurora", instance, interval: "100ms" },
    ...options,
  });
  onTestFinished(() => pool.end(), 5000);
  return pool;
}

/** The warnings of topologies during a test. */
function warnings(): string[] {
  const heard: string[] = [];
  const hear = (warning: Error & { code?: string }): void => {
    if (warning.code === "POINTSMAN_TOPOLOGY_UNKNOWN") heard.push(warning.message);
  };
  process.on("warning", hear);
  onTestFinished(() => void process.off("warning", hear), 1000);
  return heard;
}

const looks = (pool: Pool): number => pool.stats().topology?.looks ?? 0;

async function asSuperuser(sql: string): Promise<void> {
  const client = new Client(cluster.writer.url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
  await cluster.waitForReplay();
}

const rowsOf = (values: string): string => `
  create function pg_catalog.aurora_replica_status(
    out server_id text, out session_id text,
    out last_update_timestamp timestamptz, out replica_lag_in_msec bigint
  ) returns setof record language sql as $$
    select a, b, c::timestamptz, d::bigint from (values ${values}) v (a, b, c, d)
  $$`;

/** Puts another status function in place of Aurora's, until the test is over. */
async function replaceStatus(sql: string): Promise<void> {
  const hide = "alter function pg_catalog.aurora_replica_status() rename to real_replica_status";
  await asSuperuser(`set allow_system_table_mods = on; ${hide}; ${sql}`);
  onTestFinished(async () => {
    await asSuperuser(`set allow_system_table_mods = on;
      drop function if exists pg_catalog.aurora_replica_status();
      alter function pg_catalog.real_replica_status() rename to aurora_replica_status`);
  }, 10_000);
}

it.each([
  [
    "nothing",
    "create function pg_catalog.aurora_replica_status(out server_id text, out session_id text, out last_update_timestamp timestamptz, out replica_lag_in_msec bigint) returns setof record language sql as 'select null::text, null::text, null::timestamptz, null::bigint where false'",
  ],
  [
    "nulls",
    rowsOf("(null::text, null::text, null, null), (null, 'MASTER_SESSION_ID', null, null)"),
  ],
  [
    "two writers",
    rowsOf("('a', 'MASTER_SESSION_ID', null, null), ('b', 'MASTER_SESSION_ID', null, -7)"),
  ],
  [
    "names that nobody knows",
    rowsOf(
      "('evil.example.com/?', 'MASTER_SESSION_ID', 'infinity', -1), ('x', 'y', '-infinity', 9)",
    ),
  ],
])("a status function that tells %s changes nothing", async (_what, sql) => {
  const pool = open();
  await pool.query(rowsTable);
  await until("it is known", () => pool.stats().topology?.members.length === 2);
  const { members } = pool.stats().topology ?? {};
  await replaceStatus(sql);
  const before = pool.stats().topology?.failures ?? 0;
  await until("it was looked at", () => (pool.stats().topology?.failures ?? 0) > before + 5);
  expect(pool.stats().topology?.members.map(({ endpoint }) => endpoint)).toEqual(
    members?.map(({ endpoint }) => endpoint),
  );
  await pool.query("insert into rows_written values (1) on conflict do nothing");
  expect((await pool.query("select 1")).rowCount).toBe(1);
  expect(pool.stats().failover.searches).toBe(0);
});

it("where the function may not be called that is told once, and what was configured serves", async () => {
  const heard = warnings();
  await asSuperuser(`
    create role limited login password 'limited';
    revoke execute on function pg_catalog.aurora_replica_status() from public`);
  onTestFinished(async () => {
    await asSuperuser(`
      grant execute on function pg_catalog.aurora_replica_status() to public; drop role limited`);
  }, 10_000);
  const { host, port } = cluster.writer;
  const { database } = cluster;
  const pool = open({
    writer: { host, port, user: "limited", password: "limited", database },
    reader: { host: cluster.reader.host, port: cluster.reader.port },
  });
  await pool.query("select 1");
  await until("it was looked at", () => looks(pool) > 5);
  expect((await pool.query({ text: "select 1", target: "writer" })).rowCount).toBe(1);
  expect(pool.stats().topology).toMatchObject({ members: [] });
  expect(heard).toHaveLength(1);
  expect(heard[0]).toMatch(/"aurora".*42501.*choose another topology/);
  expect(heard[0]).not.toContain("limited");
});

it("a function of the application that throws is told once, and changes nothing", async () => {
  const heard = warnings();
  const pool = open({
    topology: {
      type: "aurora",
      interval: "100ms",
      instance: () => {
        throw new Error("the registry is empty");
      },
    },
  });
  await pool.query("select 1");
  await until("it was looked at", () => looks(pool) > 3);
  expect((await pool.query("select 1")).rowCount).toBe(1);
  expect(heard).toEqual([expect.stringContaining("the registry is empty")]);
});

it("no caller waits for a server that is asked and does not answer", async () => {
  const pool = open();
  await pool.query(rowsTable);
  await until("it is known", () => pool.stats().topology?.members.length === 2);
  await pool.query("select 1");
  const [writer] = cluster.servers;
  await cluster.freeze(writer);
  try {
    const before = looks(pool);
    let longest = 0;
    await until("it was asked in vain", async () => {
      const started = performance.now();
      await pool.query("select 1");
      longest = Math.max(longest, performance.now() - started);
      return looks(pool) > before + 1;
    });
    expect(longest).toBeLessThan(500);
  } finally {
    await cluster.heal();
  }
});

it("the end of the pool does not wait for a look, and ends it", async () => {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    topology: { type: "aurora", instance, interval: "100ms" },
  });
  await pool.query("select 1");
  await until("it was looked at", () => looks(pool) > 1);
  const started = performance.now();
  await pool.end();
  expect(performance.now() - started).toBeLessThan(1000);
  const { looks: last } = pool.stats().topology ?? {};
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(pool.stats().topology?.looks).toBe(last);
});

it("with one server the writer is found at instances that were never configured", async () => {
  const pool = open({ reader: undefined });
  await pool.query("insert into rows_written values (-30) on conflict do nothing");
  const [reader] = cluster.readers;
  if (reader === undefined) throw new Error("there is no reader");
  await until("it is known", () => pool.stats().topology?.members.length === 2);
  await cluster.waitForReplay();
  await cluster.crash(cluster.servers[0]);
  await cluster.promote(reader, { endpointDelayMs: 60_000 });
  await until("writes flow again", () =>
    pool.query("insert into rows_written values (-31)").then(
      () => true,
      () => false,
    ),
  );
});
