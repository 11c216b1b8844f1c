import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Resolver } from "node:dns/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import {
  createPool,
  type Pool,
  type PoolOptions,
  type ReaderStats,
  type StatementEvent,
} from "pointsman";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { type ReadingName, readPool } from "../../src/monitoring/pool-meter.ts";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { here } from "../support/local-cluster.ts";
import { NameServer } from "../support/name-server.ts";
import { certificate, startTlsRelay } from "../support/tls-relay.ts";
import { until } from "../support/until.ts";

let cluster: Cluster;
let resolver: Resolver;
let names: NameServer;
/** Two servers that one name has the addresses of, with the same port, as servers have. */
const addresses = ["127.0.0.2", "127.0.0.3"] as const;
let relays: CuttableRelay[] = [];

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
  names = new NameServer();
  resolver = await names.open();
});
afterAll(async () => {
  names.close();
  await cluster.stop();
});
beforeEach(async () => {
  relays = [];
  for (const [index, address] of addresses.entries()) {
    const relay = new CuttableRelay(cluster.readers[index] ?? cluster.reader);
    relay.port = relays[0]?.port ?? 0;
    await relay.open(address);
    relays.push(relay);
    onTestFinished(() => relay.close(), 1000);
  }
  names.refusing = false;
  names.records.set("localhost", addresses);
});

const port = (): number => relays[0]?.port ?? 0;

function open(options: PoolOptions = {}): Pool {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: { host: "localhost", port: port() },
    consistency: "eventual",
    readerPool: { max: 4, idleTimeoutMillis: 50 },
    topology: { type: "dns", interval: "100ms", resolver },
    ...options,
  });
  onTestFinished(() => pool.end(), 5000);
  return pool;
}

const known = (pool: Pool): string[] =>
  (pool.stats().topology?.members ?? []).map(({ endpoint }) => endpoint);
const named = (address: string): string => `localhost:${port()} (${address})`;

/** Whether both serve, by connections that are opened now. */
async function bothServe(pool: Pool): Promise<boolean> {
  await until("connections are closed", () => pool.stats().reader?.total === 0);
  return (await servedBy(pool)).join() === "reader1,reader2";
}

const ofReader = (pool: Pool, name: string): ReaderStats | undefined =>
  pool.stats().reader?.endpoints.find(({ endpoint }) => endpoint === name);

/** As many at once as there are connections. */
async function servedBy(pool: Pool): Promise<string[]> {
  const reads = Array.from({ length: 4 }, () => pool.query(`select ${here} as name`));
  return [...new Set((await Promise.all(reads)).map(({ rows }) => rows[0].name))].sort();
}

it("a name with two addresses leads to both", async () => {
  const pool = open();
  await servedBy(pool);
  await until("they are known", () => known(pool).length === 2);
  expect(known(pool).sort()).toEqual(addresses.map(named));
  await until("both serve", () => bothServe(pool));
});

it("an address that the name has no more gets no reads, and one that it has again does", async () => {
  const pool = open();
  await until("both serve", () => bothServe(pool));
  names.records.set("localhost", ["127.0.0.2", "127.0.0.4"]);
  await until("it is gone", () => !known(pool).includes(named("127.0.0.3")));
  await until("one serves", async () => (await servedBy(pool)).join() === "reader1");
  names.records.set("localhost", addresses);
  await until("both serve", () => bothServe(pool));
});

it("an address that the name has no more is not told as a reader that is out, or behind", async () => {
  const pool = open({ maxLag: "10s" });
  await until("both serve", () => bothServe(pool));
  const [other, mine] = addresses.map(named) as [string, string];
  const told = (metric: ReadingName) =>
    Object.fromEntries(
      readPool(pool)
        .filter((reading) => reading.metric === metric)
        .map(({ labels, value }) => [labels.endpoint, value]),
    );
  const reports = Array.from({ length: 4 }, () => pool.query(`select ${here}, pg_sleep(2)`));
  await until("a report runs there, and its lag is known", () => {
    return (ofReader(pool, mine)?.connections ?? 0) > 0 && mine in told("readerLag");
  });
  names.records.set("localhost", ["127.0.0.2", "127.0.0.4"]);
  await until("it is gone", () => !known(pool).includes(mine));
  expect(ofReader(pool, mine)).toMatchObject({ available: false, gone: true });
  expect(told("readerAvailable")).toMatchObject({ [other]: 1 });
  expect(Object.keys(told("readerAvailable"))).not.toContain(mine);
  expect(Object.keys(told("readerLag"))).not.toContain(mine);
  expect(ofReader(pool, mine)?.connections).toBeGreaterThan(0);
  // It comes back by its name while connections of before are in use.
  names.records.set("localhost", addresses);
  await until("it is told again", () => told("readerAvailable")[mine] === 1);
  const both = pool.stats().reader?.endpoints.filter(({ endpoint }) => endpoint === mine);
  expect(both).toMatchObject([{ gone: false }, { gone: true }]);
  names.records.set("localhost", ["127.0.0.2", "127.0.0.4"]);
  await Promise.all(reports);
  await until("it is forgotten", () => ofReader(pool, mine) === undefined);
});

it.each(["refuses", "has nothing"])(
  "while the name server %s the last addresses serve on",
  async (what) => {
    const pool = open();
    await until("both serve", () => bothServe(pool));
    if (what === "refuses") names.refusing = true;
    else names.records.set("localhost", []);
    const failures = () => pool.stats().topology?.failures ?? 0;
    const before = failures();
    await until("it was asked", () => failures() > before + 4);
    expect(known(pool).sort()).toEqual(addresses.map(named));
    for (const relay of relays) relay.cut();
    await until("both serve", () => bothServe(pool));
  },
);

it("one address of two that refuses fails no read", async () => {
  const pool = open();
  await until("both serve", () => bothServe(pool));
  const [, second] = relays;
  await second?.close();
  for (let n = 0; n < 20; n++) expect(await servedBy(pool)).toEqual(["reader1"]);
  await second?.open("127.0.0.3");
  await until("both serve", () => bothServe(pool));
});

it("certificates and passwords are for the name, whatever the address", async () => {
  const relay = await startTlsRelay(cluster.readers[0] ?? cluster.reader);
  onTestFinished(() => relay.close(), 1000);
  names.records.set("localhost", ["127.0.0.1", "127.0.0.9"]);
  const { username, password } = new URL(cluster.writer.url);
  const hosts: string[] = [];
  const pool = open({
    writer: {
      host: cluster.writer.host,
      port: cluster.writer.port,
      user: username,
      database: cluster.database,
    },
    reader: { host: "localhost", port: relay.port, ssl: { ca: certificate } },
    auth: ({ host, port }) => {
      if (port === relay.port) hosts.push(host);
      return decodeURIComponent(password);
    },
  });
  const served: string[] = [];
  const listen = (event: unknown): void => {
    served.push((event as StatementEvent).endpoint);
  };
  subscribe("pointsman:statement:end", listen);
  onTestFinished(() => void unsubscribe("pointsman:statement:end", listen), 1000);
  await pool.query({ text: "select 1", target: "writer" });
  await until("they are known", () => known(pool).length === 2);
  expect(await servedBy(pool)).toEqual(["reader1"]);
  await until("the address serves", () => served.includes(`localhost:${relay.port} (127.0.0.1)`));
  expect(served).not.toContain(`localhost:${relay.port}`);
  expect(new Set(hosts)).toEqual(new Set(["localhost"]));
});

it("the writer's name that leads to another writer is noticed by looking", async () => {
  const relay = new CuttableRelay({
    host: "127.0.0.1",
    port: cluster.servers[0].port,
  });
  await relay.open("127.0.0.2");
  const next = cluster.readers[0] as NonNullable<(typeof cluster.readers)[0]>;
  const other = new CuttableRelay(next);
  other.port = relay.port;
  await other.open("127.0.0.3");
  onTestFinished(() => Promise.all([relay.close(), other.close()]).then(() => {}), 1000);
  names.records.set("localhost", ["127.0.0.2"]);
  // The system knows the name as well, but not where it leads: only the look can tell.
  const pool = open({
    writer: { ...credentials(), host: "127.0.0.2", port: relay.port },
    reader: { ...credentials(), host: "localhost", port: relay.port },
  });
  await pool.query({ text: "select 1", target: "writer" });
  await until("it was looked at", () => (pool.stats().topology?.looks ?? 0) > 1);
  await cluster.promote(next, { keepOldWriter: true });
  names.records.set("localhost", ["127.0.0.3", "127.0.0.2"]);
  await until("reads reach it", async () => (await servedBy(pool)).includes("reader1"));
  const { rows } = await pool.query({ text: `select ${here} as name`, target: "writer" });
  expect(rows).toEqual([{ name: "reader1" }]);
});

function credentials() {
  const { username, password } = new URL(cluster.writer.url);
  return { user: username, password: decodeURIComponent(password), database: cluster.database };
}
