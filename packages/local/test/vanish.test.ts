import { Client } from "pg";
import { expect, test, vi } from "vitest";
import { type Cluster, type Reader, type Server, startCluster } from "../src/index.ts";
import { answer, until } from "./helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const serversOf = (cluster: Cluster) => cluster.servers as [Server, Reader];

async function opened(url: string): Promise<{ client: Client; ended: () => boolean }> {
  const client = new Client(url);
  let ended = false;
  client.on("error", () => {});
  client.on("end", () => {
    ended = true;
  });
  await client.connect();
  return { client, ended: () => ended };
}

test("a writer that vanishes: open connections stay silent, new ones reach the promoted reader", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [old, reader] = serversOf(cluster);
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  await cluster.waitForReplay();
  const open = await Promise.all([cluster.writer.url, old.url].map(opened));
  await cluster.vanish(old);
  expect(old.state).toBe("vanished");
  const answers = open.map(({ client }) => client.query("SELECT 1").catch(() => "cut"));

  const early = new Client({ connectionString: cluster.writer.url, connectionTimeoutMillis: 300 });
  await expect(early.connect()).rejects.toThrow("timeout");
  await cluster.promote(reader);
  await answer(cluster.writer.url, "INSERT INTO notes VALUES (1)");
  expect(await answer(cluster.writer.url, "SHOW cluster_name")).toBe("reader1");
  const silent = await Promise.race([...answers, answer(reader.url, "SELECT pg_sleep(0.2)")]);
  expect(silent).toBe("");
  expect(open.map(({ ended }) => ended())).toEqual([false, false]);

  await cluster.heal();
  expect(await Promise.all(answers)).toEqual(["cut", "cut"]);
  expect([old.role, await answer(old.url, "SELECT count(*)::int FROM notes")]).toEqual([
    "reader",
    1,
  ]);
  await until("nothing is left open", () => cluster.writer.connections + old.connections === 0);
});

test("a reader that vanishes and is back goes on where it was", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [, reader] = serversOf(cluster);
  const { client } = await opened(cluster.reader.url);
  await cluster.vanish(reader);
  const late = client.query("SELECT 1 AS one");
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  await cluster.heal();
  expect((await late).rows).toEqual([{ one: 1 }]);
  await client.query("SELECT FROM notes");
  await client.end();
});

test("a host that is out of reach is not heard to crash, and is back after a restart", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [writer] = serversOf(cluster);
  const { client, ended } = await opened(cluster.writer.url);
  await cluster.vanish(writer);
  await cluster.crash(writer);
  expect(writer.state).toBe("vanished");
  await answer(cluster.reader.url, "SELECT pg_sleep(0.1)");
  expect(ended()).toBe(false);
  const end = new Promise((resolve) => client.once("end", resolve));
  await cluster.restart(writer);
  await end;
  expect(await answer(cluster.writer.url, "SELECT 1")).toBe(1);
});
