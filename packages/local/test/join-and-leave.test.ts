import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Reader, startCluster } from "../src/index.ts";
import { answer, connected, folderOf, isAlive, processesIn } from "./helpers.ts";
import { logIn } from "./iam-helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const nameAt = (endpoint: { url: string }) => answer(endpoint.url, "SHOW cluster_name");
const count = (endpoint: { url: string }) =>
  answer(endpoint.url, "SELECT count(*)::int FROM notes");

async function reachedBy(endpoint: { url: string }, turns: number): Promise<Set<unknown>> {
  const names = new Set<unknown>();
  for (let turn = 0; turn < turns; turn += 1) names.add(await nameAt(endpoint));
  return names;
}

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a reader, with %s", (_, version) => {
  test("that joins while the writer is written to has everything, and its share of connections", async () => {
    await using cluster = await startCluster({ readers: 1, version });
    await answer(cluster.writer.url, "CREATE TABLE notes (id int, body text)");
    let joined = false;
    const writing = connected(cluster.writer.url, async (client) => {
      let rows = 0;
      // At least some before, some after, and as many as there is time for.
      while (!joined || rows < 20) {
        rows += 1;
        await client.query("INSERT INTO notes VALUES ($1, repeat('x', 4000))", [rows]);
        await client.query("UPDATE notes SET body = 'y' WHERE id = $1", [rows - 1]);
      }
      return rows;
    });
    const reader = await cluster.addReader();
    joined = true;
    const rows = await writing;
    await cluster.waitForReplay();

    expect([reader.name, reader.role]).toEqual(["reader2", "reader"]);
    expect(cluster.readers.map(({ name }) => name)).toEqual(["reader1", "reader2"]);
    expect(await count(reader)).toBe(rows);
    const sum = "SELECT sum(hashtext(notes::text)) FROM notes";
    expect(await answer(reader.url, sum)).toBe(await answer(cluster.writer.url, sum));
    expect(await reachedBy(cluster.reader, 2)).toEqual(new Set(["reader1", "reader2"]));
    await expect(answer(reader.url, "INSERT INTO notes VALUES (1)")).rejects.toMatchObject({
      code: "25006",
    });
  });

  test("that joins after a promotion follows the new writer", async () => {
    await using cluster = await startCluster({ readers: 1, version });
    await cluster.lag(60_000);
    await cluster.promote(cluster.readers[0] as Reader);
    const reader = await cluster.addReader();
    await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
    await cluster.waitForReplay();
    expect(await count(reader)).toBe(0);
    await cluster.promote(reader);
    expect(await nameAt(cluster.writer)).toBe("reader2");
  });
});

test("a reader that leaves is gone, its connections are cut, and new ones lead to the others", async () => {
  await using cluster = await startCluster({ readers: 2 });
  const folder = await folderOf(cluster);
  const [first, second] = cluster.readers as [Reader, Reader];
  const clients = [first.url, first.direct.url].map((url) => new Client(url));
  const ended = clients.map(
    (client) => new Promise<void>((resolve) => client.on("error", () => {}).once("end", resolve)),
  );
  for (const client of clients) await client.connect();

  await connected(second.url, async (other) => {
    await cluster.removeReader(first);
    await other.query("SELECT 1");
  });
  await Promise.all(ended);
  expect(cluster.servers.map(({ name }) => name)).toEqual(["writer", "reader2"]);
  expect(await reachedBy(cluster.reader, 3)).toEqual(new Set(["reader2"]));
  expect(isAlive(first.pid)).toBe(false);
  expect(existsSync(join(folder, "reader1"))).toBe(false);
  await expect(nameAt(first)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(first.lag(1)).rejects.toMatchObject({ code: "STOPPED" });
  await expect(cluster.removeReader(first)).rejects.toMatchObject({ code: "INVALID_OPTION" });

  await cluster.removeReader(second);
  expect(await nameAt(cluster.reader)).toBe("writer");
  // Names are not given again: a log or a test that has seen "reader1" means the old one.
  expect((await cluster.addReader()).name).toBe("reader3");
  expect(await nameAt(cluster.reader)).toBe("reader3");
});

test("several join at the same time, one after the other", async () => {
  await using cluster = await startCluster({ readers: 0 });
  const added = await Promise.all([cluster.addReader(), cluster.addReader()]);
  expect(added.map(({ name }) => name)).toEqual(["reader1", "reader2"]);
  await cluster.waitForReplay();
});

test("the gateway for tokens has an endpoint for a reader that joins, until it leaves", async () => {
  await using cluster = await startCluster({ readers: 0, iam: true });
  const { iam } = cluster;
  expect(iam.environment).not.toHaveProperty("DATABASE_READER_URL");
  const reader = await cluster.addReader();
  await cluster.waitForReplay();
  expect(iam.environment).toHaveProperty("DATABASE_READER_URL", iam.reader.url);
  const endpoint = iam.servers[1];
  if (!endpoint) throw new Error("there is no endpoint for it");
  expect(endpoint.hostname).toMatch(/^app-instance-2\./);
  for (const one of [endpoint, iam.reader]) {
    const client = await logIn(iam, one);
    expect((await client.query("SHOW cluster_name")).rows).toEqual([{ cluster_name: "reader1" }]);
    await client.end();
  }
  await cluster.removeReader(reader);
  expect(iam.servers).toHaveLength(1);
  await expect(logIn(iam, endpoint, { password: "x" })).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
});

test("a reader of an imitation of Aurora is one as well", async () => {
  await using cluster = await startCluster({ readers: 0, aurora: true });
  const { url, name } = await cluster.addReader();
  await cluster.waitForReplay();
  expect(await answer(url, "SELECT aurora_db_instance_identifier()")).toBe(name);
  await expect(answer(url, "SELECT pg_last_wal_replay_lsn()")).rejects.toMatchObject({
    code: "0A000",
  });
});

test("a reader that cannot join leaves nothing behind", async () => {
  await using cluster = await startCluster({ readers: 0 });
  const folder = await folderOf(cluster);
  const place = join(folder, "tablespace");
  await answer(cluster.writer.url, `COPY (SELECT 1) TO PROGRAM 'mkdir "${place}"'`);
  await answer(cluster.writer.url, `CREATE TABLESPACE elsewhere LOCATION '${place}'`);
  await expect(cluster.addReader()).rejects.toMatchObject({
    code: "START_FAILED",
    message: expect.stringMatching(/tablespaces/),
  });
  expect(cluster.servers).toHaveLength(1);
  expect(existsSync(join(folder, "reader1"))).toBe(false);

  await answer(cluster.writer.url, "DROP TABLESPACE elsewhere");
  expect((await cluster.addReader()).name).toBe("reader1");
});

test("stop() ends a change that is on its way, and leaves nothing behind", async () => {
  const cluster = await startCluster({ readers: 1 });
  const folder = await folderOf(cluster);
  const outcomes = Promise.allSettled([
    cluster.addReader(),
    cluster.restart(cluster.servers[0] as Reader),
    cluster.promote(cluster.readers[0] as Reader),
    cluster.removeReader(cluster.readers[0] as Reader),
  ]);
  await cluster.stop();
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STOPPED" } });
  }
  expect(processesIn(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});
