import { type Cluster, type Server, startCluster } from "@pointsman/local";
import type { PoolClient } from "pg";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { here } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { rowsTable, startLoad } from "./load.ts";

let cluster: Cluster;
let pool: Pool;

/** Instances of the local cluster differ by their ports. */
const instance = (name: string) => {
  const server = cluster.servers.find((one) => one.name === name);
  return server && { host: server.host, port: server.port };
};

function open(options: PoolOptions = {}): Pool {
  return createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    consistency: "eventual",
    readerPool: { idleTimeoutMillis: 50 },
    topology: { type: "aurora", instance, interval: "200ms" },
    ...options,
  });
}

beforeAll(async () => {
  cluster = await startCluster({ readers: 1, aurora: true });
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  pool = open();
  await pool.query(rowsTable);
  await cluster.waitForReplay();
});
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

const addressOf = ({ host, port }: Server): string => `${host}:${port}`;
const first = () => cluster.readers[0] as NonNullable<(typeof cluster.readers)[0]>;
const members = (of = pool) => of.stats().topology?.members ?? [];
const names = (of = pool) => members(of).map(({ endpoint }) => endpoint);
const readersOf = (of = pool) =>
  (of.stats().reader?.endpoints ?? [])
    .filter(({ endpoint }) => endpoint !== addressOf(cluster.reader as Server))
    .map(({ endpoint }) => endpoint);
/** As many at once as there are connections, so that each reader has some. */
const allServedBy = (of: Pool): Promise<string[]> =>
  Promise.all(
    Array.from({ length: 4 }, async () => (await of.query(`select ${here} as name`)).rows[0].name),
  );

/** A connection of the readers' pool that leads to a certain server. */
async function connectionTo(of: Pool, name: string): Promise<PoolClient> {
  const clients = await Promise.all(Array.from({ length: 4 }, () => of.reader.connect()));
  const asked = await Promise.all(
    clients.map(async (client) => (await client.query(`select ${here} as name`)).rows[0].name),
  );
  const found = clients[asked.indexOf(name)];
  for (const client of clients) if (client !== found) client.release();
  if (found === undefined) throw new Error(`No connection leads to ${name}.`);
  return found;
}

it("members, their roles and the writer are known", async () => {
  await until("they are", () => members().length === 2);
  const [writer, reader] = cluster.servers as [Server, Server];
  expect(members()).toEqual(
    expect.arrayContaining([
      { endpoint: addressOf(writer), role: "writer" },
      expect.objectContaining({ endpoint: addressOf(reader), role: "reader" }),
    ]),
  );
  expect(readersOf()).toEqual([addressOf(reader)]);
  expect(pool.stats().topology?.failures).toBe(0);
});

it("a reader that is added gets connections, and one that is removed gets none", async () => {
  const added = await cluster.addReader();
  await until("it is known", () => readersOf().includes(addressOf(added)));
  await until("it serves", async () => (await allServedBy(pool)).includes(added.name));
  const load = startLoad(pool, { writers: 0, readers: 4 });
  await until("there are reads", () => load.ledger.reads > 50);
  await cluster.removeReader(added);
  await until("it is gone", () => !readersOf().includes(addressOf(added)));
  const { reads } = load.ledger;
  await until("reads go on", () => load.ledger.reads > reads + 100);
  expect(readersOf()).toEqual([addressOf(first())]);
  expect((await load.stop()).failedReads.map(String)).toEqual([]);
});

it("connections to a reader that the cluster does not list any more are given up", async () => {
  const hidden = new Set<string>();
  const added = await cluster.addReader();
  const one = open({
    readerPool: { idleTimeoutMillis: 0, max: 4 },
    topology: {
      type: "aurora",
      // It runs on, as one that was taken out of the reader endpoint does.
      instance: (name) => (hidden.has(name) ? undefined : instance(name)),
      interval: "200ms",
    },
  });
  try {
    await one.query("select 1");
    await until("it is known", () => readersOf(one).includes(addressOf(added)));
    await until("it serves", async () => (await allServedBy(one)).includes(added.name));
    const busy = await connectionTo(one, added.name);
    hidden.add(added.name);
    await until("it is gone", () => members(one).length < cluster.servers.length);
    const listed = () => one.stats().reader?.endpoints.map(({ endpoint }) => endpoint);
    expect(listed()).toContain(addressOf(added));
    expect((await busy.query(`select ${here} as name`)).rows).toEqual([{ name: added.name }]);
    busy.release();
    await until("its last connection is closed", () => !listed()?.includes(addressOf(added)));
    for (let n = 0; n < 20; n++) expect(await allServedBy(one)).not.toContain(added.name);
  } finally {
    await one.end();
    await cluster.removeReader(added);
  }
});

it("a promoted reader that was never listed is found, though the writer's endpoint is stale", async () => {
  const added = await cluster.addReader();
  await until("it is known", () => readersOf().includes(addressOf(added)));
  await pool.query("insert into rows_written values (-10)");
  await cluster.crash(cluster.servers[0]);
  await cluster.promote(added, { endpointDelayMs: 60_000 });
  const started = performance.now();
  await until("writes flow again", () =>
    pool.query("insert into rows_written values (-11)").then(
      () => true,
      () => false,
    ),
  );
  expect(performance.now() - started).toBeLessThan(5000);
  expect((await pool.query({ text: `select ${here} as name`, target: "writer" })).rows).toEqual([
    { name: added.name },
  ]);
});

it("a switchover is noticed by looking, before anybody writes", async () => {
  await pool.query("insert into rows_written values (-20)");
  await until("it is known", () => members().length === cluster.servers.length);
  const { searches } = pool.stats().failover;
  const [old] = cluster.servers;
  const next = first();
  await cluster.promote(next, { keepOldWriter: true });
  await until("it is noticed", () => pool.stats().failover.searches > searches);
  await until("it is found", () => !pool.stats().failover.searching);
  const { rows } = await pool.query({ text: `select ${here} as name`, target: "writer" });
  expect(rows).toEqual([{ name: next.name }]);
  expect(cluster.servers.at(-1)).toBe(old);
  expect(names()).toContain(addressOf(next));
});
