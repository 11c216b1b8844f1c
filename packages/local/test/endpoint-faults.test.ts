import { connect } from "node:net";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Cluster, startCluster } from "../src/index.ts";
import { answer, connected, until } from "./helpers.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 90_000 });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterEach(() => cluster.heal());
afterAll(() => cluster.stop());

const duration = async (act: () => Promise<unknown>) => {
  const start = performance.now();
  await act();
  return performance.now() - start;
};

test("blackhole: nothing gets through, on open connections and new ones, until it is healed", async () => {
  await connected(cluster.reader.url, async (client) => {
    cluster.reader.blackhole();
    let answered = false;
    const late = client.query("SELECT 1 AS one").finally(() => {
      answered = true;
    });
    const other = new Client({
      connectionString: cluster.reader.url,
      connectionTimeoutMillis: 200,
    });
    await expect(other.connect()).rejects.toThrow("timeout");
    // The other ways to the same server are not affected.
    expect(await answer(cluster.readers[0]?.url ?? "", "SELECT 2")).toBe(2);
    expect(answered).toBe(false);
    await cluster.reader.heal();
    expect((await late).rows).toEqual([{ one: 1 }]);
  });
  await until("nothing is left open", () => cluster.reader.connections === 0);
});

test("blackhole: the server does not hear that a client hangs up", async () => {
  const [reader] = cluster.readers;
  const client = new Client(cluster.reader.url);
  client.on("error", () => {});
  await client.connect();
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  const alive = `SELECT count(*)::int FROM pg_stat_activity WHERE pid = ${rows[0].pid}`;
  cluster.reader.blackhole();
  const socket = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  socket.stream.destroy();
  await answer(reader?.url ?? "", "SELECT pg_sleep(0.2)");
  expect(await answer(reader?.url ?? "", alive)).toBe(1);
  await cluster.reader.heal();
  await until("it has heard", async () => (await answer(reader?.url ?? "", alive)) === 0);
});

test("reset: open connections are reset, new ones are not", async () => {
  const client = new Client(cluster.writer.url);
  const code = new Promise((resolve) =>
    client.on("error", (error) => resolve((error as { code?: string }).code)),
  );
  await client.connect();
  cluster.writer.reset();
  expect(await code).toBe("ECONNRESET");
  expect(await answer(cluster.writer.url, "SELECT 1")).toBe(1);
});

test("slow: each flight takes so much longer, in order, also on open connections", async () => {
  await connected(cluster.writer.url, async (client) => {
    cluster.writer.slow(150);
    const order: number[] = [];
    const took = await duration(() =>
      Promise.all(
        [1, 2, 3].map((number) => client.query("SELECT 1").then(() => order.push(number))),
      ),
    );
    // pg sends one query after the answer to the one before: three flights.
    expect(took).toBeGreaterThan(3 * 145);
    expect(order).toEqual([1, 2, 3]);
    cluster.writer.slow(0);
    expect(await duration(() => client.query("SELECT 1"))).toBeLessThan(140);
  });
  expect(() => cluster.writer.slow(-1)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});

test("refuse: new connections are refused, open ones stay, and the port is ours again", async () => {
  const { writer } = cluster;
  await connected(writer.url, async (client) => {
    for (const _ of [1, 2]) {
      writer.refuse();
      const socket = connect(writer.port, writer.host);
      const error = await new Promise((resolve) => socket.once("error", resolve));
      expect(error).toMatchObject({ code: "ECONNREFUSED" });
      await client.query("SELECT 1");
      await writer.heal();
      expect(await answer(writer.url, "SELECT 1")).toBe(1);
    }
  });
});

test("instance endpoints can be broken as well, and heal() of the cluster heals them", async () => {
  const [reader] = cluster.readers;
  if (!reader) throw new Error("there is no reader");
  reader.refuse();
  await expect(answer(reader.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await answer(cluster.reader.url, "SHOW cluster_name")).toBe("reader1");
  await cluster.heal();
  expect(await answer(reader.url, "SELECT 1")).toBe(1);
});

test("heal() ends lags and pauses", async () => {
  await answer(cluster.writer.url, "CREATE TABLE IF NOT EXISTS notes (id int)");
  await cluster.lag(60_000);
  await answer(cluster.writer.url, "INSERT INTO notes VALUES (1)");
  await cluster.pauseReplay();
  await cluster.heal();
  expect(await answer(cluster.reader.url, "SELECT count(*)::int FROM notes")).toBe(1);
  expect(await answer(cluster.reader.url, "SHOW recovery_min_apply_delay")).toBe("0");
});
