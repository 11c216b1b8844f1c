import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { until } from "../support/until.ts";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});
afterAll(() => cluster?.stop());
afterEach(async () => {
  await pool.end();
  await cluster.heal();
});

const nameText = "select current_setting('cluster_name') as name";

async function readers(count: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let at = 0; at < count; at += 1) names.add((await pool.query(nameText)).rows[0].name);
  return names;
}

/** Somebody else writes, now and then. */
function startWriting(): () => Promise<void> {
  let running = true;
  const other = createPool({ writer: cluster.writer.url, max: 1 });
  const writing = (async () => {
    await other.query("create table if not exists beats (at timestamptz)");
    while (running) {
      await other.query("insert into beats values (now())");
      await delay(20);
    }
    await other.end();
  })();
  return async () => {
    running = false;
    await writing;
  };
}

it.each([
  ["several readers", () => ({ readers: cluster.readers.map(({ url }) => url) })],
  ["readers behind one endpoint", () => ({ reader: cluster.reader.url })],
])(
  "a reader that lags beyond maxLag gets no reads until it has caught up (%s)",
  async (_name, given) => {
    const [behind, other] = cluster.readers as [
      NonNullable<(typeof cluster.readers)[0]>,
      NonNullable<(typeof cluster.readers)[1]>,
    ];
    pool = createPool({
      writer: cluster.writer.url,
      ...given(),
      consistency: "eventual",
      maxLag: "300ms",
      max: 6,
    });
    const stop = startWriting();
    const both = new Set([behind.name, other.name]);
    await until("both serve", async () => {
      await Promise.all(Array.from({ length: 6 }, () => pool.query("select pg_sleep(0.02)")));
      return (await readers(20)).size === 2;
    });
    await behind.pauseReplay();
    await until("the one that lags is left alone", async () => {
      const names = await readers(20);
      // It may get none of so few reads by chance.
      const connected = pool.stats().freshness.servers.length;
      return names.size === 1 && names.has(other.name) && connected === 1;
    });
    // Not for a moment only.
    const before = performance.now();
    while (performance.now() - before < 1500) {
      expect([...(await readers(5))]).toEqual([other.name]);
      await delay(20);
    }
    await behind.resumeReplay();
    await until("both serve again", async () => {
      await Promise.all(Array.from({ length: 6 }, () => pool.query("select pg_sleep(0.02)")));
      const names = await readers(20);
      return [...both].every((name) => names.has(name));
    });
    expect(pool.stats().targets.writer).toBeLessThan(pool.stats().targets.reader / 10);
    await stop();
  },
  40_000,
);

it("all readers lag: the writer serves; and with the writer gone readers serve, however old", async () => {
  pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    consistency: "eventual",
    maxLag: "300ms",
    max: 4,
  });
  await pool.query(nameText);
  const stop = startWriting();
  await cluster.pauseReplay();
  const writer = cluster.servers[0].name;
  await until("the writer serves", async () => (await readers(5)).has(writer));
  await stop();
  await cluster.heal();
  await until("readers serve again", async () => !(await readers(5)).has(writer));
  await cluster.crash(cluster.servers[0]);
  const before = performance.now();
  while (performance.now() - before < 1500) {
    expect((await readers(5)).has(writer)).toBe(false);
    await delay(50);
  }
});
