import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { until } from "../support/until.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster?.stop());
afterEach(() => cluster.heal());

function open(options: PoolOptions = {}) {
  const [first, second] = cluster.readers.map(({ url }) => url) as [string, string];
  const pool = createPool({
    writer: cluster.writer.url,
    readers: [first, second],
    consistency: "eventual",
    max: 8,
    ...options,
  });
  return { pool, first, second };
}

/** Which server answers each of many reads that are sent at the same time, `at` once. */
async function shares(
  pool: ReturnType<typeof open>["pool"],
  { rounds = 60, at = 4, text = "select current_setting('cluster_name') as name" } = {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let round = 0; round < rounds; round += 1) {
    const answers = await Promise.all(Array.from({ length: at }, () => pool.query(text)));
    for (const { rows } of answers) counts[rows[0].name] = (counts[rows[0].name] ?? 0) + 1;
  }
  return counts;
}

it("reads are spread over readers, though one idle connection would do for all", async () => {
  const { pool } = open();
  await shares(pool, { rounds: 5, at: 8 });
  const counts = await shares(pool, { rounds: 200, at: 1 });
  await pool.end();
  const [one = 0, other = 0] = Object.values(counts);
  expect(one + other).toBe(200);
  expect(Math.min(one, other)).toBeGreaterThan(40);
});

it("a slow reader gets less, and its share again when it is fast", async () => {
  const { pool } = open();
  const [first] = cluster.readers as [NonNullable<(typeof cluster.readers)[0]>];
  await shares(pool, { rounds: 5, at: 8 });
  first.slow(60);
  await shares(pool, { rounds: 40 });
  const slowed = await shares(pool, { rounds: 100, at: 2 });
  expect(slowed[first.name] ?? 0).toBeLessThan(50);
  await cluster.heal();
  await until("it has its share again", async () => {
    const counts = await shares(pool, { rounds: 20, at: 2 });
    return (counts[first.name] ?? 0) > 10;
  });
  await pool.end();
});

it("a reader with three times the weight has about three times the connections and reads", async () => {
  const [first, second] = cluster.readers.map(({ url }) => url) as [string, string];
  const { pool } = open({
    readers: [{ connectionString: first, weight: 3 }, { connectionString: second }],
  });
  await shares(pool, { rounds: 5, at: 8, text: slowly });
  const [heavy, light] = pool.stats().reader?.endpoints ?? [];
  expect([heavy?.connections, light?.connections]).toEqual([6, 2]);
  const counts = await shares(pool, { rounds: 60, at: 8 });
  const [name = "", other = ""] = cluster.readers.map(({ name }) => name);
  expect(counts[name]).toBeGreaterThan(1.5 * (counts[other] ?? 0));
  await pool.end();
});

it("readers in this process's availability zone come first, and the others while there is none", async () => {
  const [first, second] = cluster.readers.map(({ url }) => url) as [string, string];
  const [far, near] = cluster.readers.map(({ name }) => name) as [string, string];
  const { pool } = open({
    availabilityZone: "eu-west-2b",
    readers: [
      { connectionString: first, availabilityZone: "eu-west-2a" },
      { connectionString: second, availabilityZone: "eu-west-2b" },
    ],
  });
  expect(await shares(pool, { rounds: 10 })).toEqual({ [near]: 40 });
  await cluster.crash(cluster.readers[1] as NonNullable<(typeof cluster.readers)[1]>);
  expect(await shares(pool, { rounds: 10 })).toEqual({ [far]: 40 });
  await cluster.heal();
  await until("the near one serves again", async () => {
    const counts = await shares(pool, { rounds: 5 });
    return counts[near] === 20;
  });
  await pool.end();
});

it("a reader that is back gets its share of a pool whose connections are all open, little by little", async () => {
  const { pool } = open();
  const [first] = cluster.readers as [NonNullable<(typeof cluster.readers)[0]>];
  await cluster.crash(first);
  await shares(pool, { rounds: 5, at: 8, text: slowly });
  const endpoint = () =>
    pool.stats().reader?.endpoints.find(({ endpoint: at }) => at.endsWith(`:${first.port}`));
  expect(endpoint()?.connections).toBe(0);
  await cluster.heal();
  await until("it is back", () => endpoint()?.available === true);
  const backAt = performance.now();
  let early = 0;
  let last = 0;
  while (performance.now() - backAt < 12_000 && last < 4) {
    await shares(pool, { rounds: 2, at: 8, text: slowly });
    last = endpoint()?.connections ?? 0;
    if (performance.now() - backAt < 1000) early = Math.max(early, last);
    await delay(20);
  }
  expect({ early: early <= 2, last }).toEqual({ early: true, last: 4 });
  await pool.end();
}, 40_000);

it("connections to readers are recycled, not all at the same moment", async () => {
  const { pool } = open({ readerPool: { maxLifetimeSeconds: 2 } });
  const first = new Set<object>();
  const removedAt: number[] = [];
  pool.on("connect", (client) => {
    if (first.size < 8) first.add(client);
  });
  pool.on("remove", (client) => {
    if (first.has(client)) removedAt.push(performance.now());
  });
  const begin = performance.now();
  while (performance.now() - begin < 2600) {
    await shares(pool, { rounds: 2, at: 8, text: slowly });
    await delay(20);
  }
  expect(removedAt).toHaveLength(8);
  expect((removedAt.at(-1) ?? 0) - (removedAt[0] ?? 0)).toBeGreaterThan(150);
  await pool.end();
});

/** Every caller needs a connection of its own. */
const slowly = "select current_setting('cluster_name') as name, pg_sleep(0.02)";
