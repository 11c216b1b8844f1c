import { rmSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { History } from "../../src/top/history.ts";
import { SocketSource } from "../../src/top/socket-source.ts";

let cluster: Cluster;
let directory: string;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  directory = await mkdtemp(join(tmpdir(), "top-"));
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

async function watchedPool(): Promise<Pool> {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    statsSocket: directory,
  });
  onTestFinished(() => pool.end());
  await expect.poll(() => readdir(directory)).toHaveLength(1);
  return pool;
}

test("a text that comes among those that are told has what it took since, and not before", async () => {
  const pool = await watchedPool();
  const call = (name: string, seconds: number) =>
    pool.query(`select pg_sleep(${seconds}) as ${name}`);
  const textOf = (name: string): string => `select pg_sleep(?) as ${name}`;
  const quick = ["quick_1", "quick_2", "quick_3"];
  await call("opens_a_connection", 0.1);
  for (const name of [...quick, ...quick, ...quick]) await call(name, 0);
  for (let batch = 0; batch < 11; batch++) {
    await Promise.all(Array.from({ length: 10 }, (_, n) => call(`slow_${batch}_${n}`, 0.1)));
  }
  const source = new SocketSource(directory, 5000);
  const history = new History();
  const first = await source.read();
  history.add(first);
  const told = first.parts.flatMap(({ slowest = [] }) => slowest.map(({ text }) => text));
  for (const name of quick) expect(told).not.toContain(textOf(name));
  await Promise.all([...quick, "begun_since"].map((name) => call(name, 1)));
  history.add(await source.read());
  const { slowest = [], windowMillis = 0 } = history.figures() ?? {};
  const calls = slowest.map(({ text, perSecond = 0, meanMs }) => {
    expect(meanMs).toBeGreaterThan(999);
    return [text, Math.round((perSecond * windowMillis) / 1000)];
  });
  expect(calls.toSorted()).toEqual(["begun_since", ...quick].map((name) => [textOf(name), 1]));
});
