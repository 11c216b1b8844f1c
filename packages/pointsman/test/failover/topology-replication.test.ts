import { type Cluster, type Server, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool, type Pool, type PoolOptions, type PoolStats } from "pointsman";
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from "vitest";
import { here } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster.stop());
afterEach(() => cluster.heal());

const addressOf = ({ host, port }: Server): string => `${host}:${port}`;
const twoReaders = () => [...cluster.readers] as unknown as readonly [Server, Server];
const urls = (): string[] => cluster.readers.map(({ url }) => url);

function open(options: PoolOptions = {}): Pool {
  const pool = createPool({
    writer: cluster.writer.url,
    readers: urls(),
    consistency: "eventual",
    readerPool: { max: 4, idleTimeoutMillis: 50 },
    topology: { type: "replication", interval: "100ms" },
    ...options,
  });
  onTestFinished(() => pool.end(), 5000);
  return pool;
}

const members = (pool: Pool) => pool.stats().topology?.members ?? [];
const roleOf = (pool: Pool, server: Server) =>
  members(pool).find(({ endpoint }) => endpoint === addressOf(server))?.role;

/** As many at once as there are connections. */
/** A connection counts for its endpoint, and so for where the next one goes, until its socket is closed. */
function areAllClosed(pool: Pool): boolean {
  const { total, endpoints } = pool.stats().reader as NonNullable<PoolStats["reader"]>;
  return total === 0 && endpoints.every(({ connections }) => connections === 0);
}

async function servedBy(pool: Pool): Promise<string[]> {
  const reads = Array.from({ length: 4 }, () => pool.query(`select ${here} as name`));
  return [...new Set((await Promise.all(reads)).map(({ rows }) => rows[0].name))].sort();
}

async function at(server: Server, ...statements: string[]): Promise<Record<string, string>[]> {
  const client = new Client(server.url);
  await client.connect();
  try {
    let rows: Record<string, string>[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** Has a reader follow somebody else, or nobody, until the test is over. */
async function follow(reader: Server, conninfo: (before: string) => string): Promise<() => void> {
  const [row] = await at(reader, "show primary_conninfo");
  const before = row?.["primary_conninfo"] ?? "";
  const set = (value: string) =>
    at(
      reader,
      `alter system set primary_conninfo = '${value.replaceAll("'", "''")}'`,
      "select pg_reload_conf()",
    );
  const back = async (): Promise<void> => void (await set(before));
  onTestFinished(back, 5000);
  await set(conninfo(before));
  // Otherwise it takes it to heart with the next WAL that comes.
  await until("it has left the writer", async () => {
    const rows = await at(
      cluster.servers[0],
      `select pg_terminate_backend(pid) from pg_stat_replication where application_name = '${reader.name}'`,
    );
    return rows.length === 0;
  });
  return back;
}

it("configured readers are recognised at the writer", async () => {
  const pool = open();
  await servedBy(pool);
  await until("they are", () => cluster.readers.every((one) => roleOf(pool, one) === "reader"));
  expect(members(pool)).toHaveLength(2);
});

it("a reader that does not stream any more gets no new connections, until it does again", async () => {
  const pool = open();
  await servedBy(pool);
  const [first, second] = twoReaders();
  await until("it is known", () => roleOf(pool, second) === "reader");
  const back = await follow(second, () => "");
  await until("it is noticed", () => roleOf(pool, second) === undefined);
  await until("connections are closed", () => areAllClosed(pool));
  for (let n = 0; n < 10; n++) expect(await servedBy(pool)).toEqual([first.name]);
  await back();
  await until("it is noticed", () => roleOf(pool, second) === "reader");
  await until("it serves", async () => (await servedBy(pool)).includes(second.name));
});

it("while none streams all serve, as they were configured", async () => {
  const pool = open();
  await servedBy(pool);
  await until("they are known", () => members(pool).length === 2);
  for (const reader of cluster.readers) await follow(reader, () => "");
  await until("it is noticed", () => members(pool).length === 0);
  await until("connections are closed", () => areAllClosed(pool));
  expect(await servedBy(pool)).toEqual(["reader1", "reader2"]);
});

it("a reader that follows another reader is left alone", async () => {
  const [first, second] = twoReaders();
  await follow(second, (before) => before.replace(/port=\S+/, `port=${first.direct.port}`));
  await until("it does", async () => {
    const [row] = await at(first, "select count(*)::int as n from pg_stat_replication");
    return Number(row?.["n"]) === 1;
  });
  const pool = open();
  await servedBy(pool);
  await until("the other is known", () => roleOf(pool, first) === "reader");
  const looks = () => pool.stats().topology?.looks ?? 0;
  const before = looks();
  await until("it was looked at again", () => looks() > before + 5);
  expect(
    members(pool)
      .map(({ endpoint }) => endpoint)
      .sort(),
  ).toEqual(cluster.readers.map(addressOf).sort());
  expect(await servedBy(pool)).toContain(second.name);
});

it("a reader that was not configured is used where the application says where it is", async () => {
  const pool = open({
    readers: urls().slice(0, 1),
    topology: {
      type: "replication",
      interval: "100ms",
      instance: (name) => {
        const server = cluster.servers.find((one) => one.name === name);
        return server && { host: server.host, port: server.port };
      },
    },
  });
  await servedBy(pool);
  await until("both are known", () => members(pool).length === 2);
  await until("connections are closed", () => areAllClosed(pool));
  expect(await servedBy(pool)).toEqual(["reader1", "reader2"]);
});

it("a user that may not see the readers is told what to grant, once", async () => {
  const heard: string[] = [];
  const hear = (warning: Error & { code?: string }): void => {
    if (warning.code === "POINTSMAN_TOPOLOGY_UNKNOWN") heard.push(warning.message);
  };
  process.on("warning", hear);
  onTestFinished(() => void process.off("warning", hear), 1000);
  await at(cluster.servers[0], "create role plain login password 'plain'");
  await cluster.waitForReplay();
  const as = ({ host, port }: Server) => ({
    host,
    port,
    user: "plain",
    password: "plain",
    database: cluster.database,
  });
  const pool = open({ writer: as(cluster.servers[0]), readers: cluster.readers.map(as) });
  await servedBy(pool);
  await until("it was looked at", () => (pool.stats().topology?.looks ?? 0) > 5);
  expect(await servedBy(pool)).toEqual(["reader1", "reader2"]);
  expect(members(pool)).toEqual([]);
  expect(heard).toEqual([expect.stringMatching(/"replication".*GRANT pg_monitor/)]);
  await at(cluster.servers[0], "grant pg_monitor to plain");
  await until("it is seen", () => members(pool).length === 2);
});
