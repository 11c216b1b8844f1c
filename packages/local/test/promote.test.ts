import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Cluster, type Reader, startCluster } from "../src/index.ts";
import { answer, connected, folderOf, isAlive, until } from "./helpers.ts";
import { logIn } from "./iam-helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const nameAt = (endpoint: { url: string }) => answer(endpoint.url, "SHOW cluster_name");
const count = (endpoint: { url: string }) =>
  answer(endpoint.url, "SELECT count(*)::int FROM notes");
const write = (endpoint: { url: string }) => answer(endpoint.url, "INSERT INTO notes VALUES (1)");
const timeline = (endpoint: { url: string }) =>
  answer(endpoint.url, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)");

async function started(options: Parameters<typeof startCluster>[0]): Promise<Cluster> {
  const cluster = await startCluster(options);
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  await cluster.waitForReplay();
  return cluster;
}

/** The readers of a cluster that has as many. */
const readersOf = (cluster: Cluster) => cluster.readers as [Reader, Reader, Reader];

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("promotion, with %s", (_, version) => {
  test("makes a writer of a reader: endpoints, roles and timeline say so, and others follow", async () => {
    await using cluster = await started({ readers: 3, version });
    const [old] = cluster.servers;
    const [first, second, third] = readersOf(cluster);
    const folder = await folderOf(cluster);
    expect(await timeline(cluster.writer)).toBe("00000001");

    await cluster.promote(second);

    expect(await nameAt(cluster.writer)).toBe("reader2");
    expect(await answer(cluster.writer.url, "SELECT pg_is_in_recovery()")).toBe(false);
    expect(await timeline(cluster.writer)).toBe("00000002");
    expect(second.role).toBe("writer");
    expect(cluster.servers).toEqual([second, first, third]);
    expect(cluster.readers).toEqual([first, third]);

    const reached = new Set<unknown>();
    for (let turn = 0; turn < 4; turn += 1) reached.add(await nameAt(cluster.reader));
    expect(reached).toEqual(new Set(["reader1", "reader3"]));

    await write(cluster.writer);
    await cluster.waitForReplay();
    expect([await count(first), await count(third)]).toEqual([1, 1]);

    expect(isAlive(old?.pid ?? 0)).toBe(false);
    expect(existsSync(join(folder, "writer"))).toBe(false);
    await expect(count(old as Reader)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(() => old?.log()).toThrow(expect.objectContaining({ code: "STOPPED" }));
  });

  test("with keepOldWriter and without follow there are two writers, each with its reader", async () => {
    await using cluster = await started({ readers: 2, version });
    const [old] = cluster.servers as [Reader];
    const [first, second] = readersOf(cluster);
    await cluster.promote(first, { keepOldWriter: true, follow: false });

    expect(cluster.servers).toEqual([first, second, old]);
    expect(cluster.servers.map(({ role }) => role)).toEqual(["writer", "reader", "writer"]);
    await write(cluster.writer);
    for (let row = 0; row < 3; row += 1) await write(old);
    expect([await timeline(old), await timeline(first)]).toEqual(["00000001", "00000002"]);
    await until(
      "the reader has what the old writer wrote",
      async () => (await count(second)) === 3,
    );
    expect(await count(cluster.writer)).toBe(1);
    // Nobody follows the new writer, so there is nobody to wait for.
    await cluster.waitForReplay();
  });
});

test("a reader that does not follow never gets what the new writer writes", async () => {
  await using cluster = await started({ readers: 2 });
  const [first, second] = readersOf(cluster);
  await cluster.promote(first, { follow: false });
  await write(cluster.writer);
  const sources = "SELECT count(*)::int FROM pg_stat_replication";
  expect(await answer(cluster.writer.url, sources)).toBe(0);
  expect(await answer(second.url, "SELECT count(*)::int FROM pg_stat_wal_receiver")).toBe(0);
  expect(await count(second)).toBe(0);
});

test("readers that follow do so while the old writer goes on writing", async () => {
  await using cluster = await started({ readers: 2 });
  const [old] = cluster.servers as [Reader];
  const [first, second] = readersOf(cluster);
  let promoted = false;
  const writing = connected(old.url, async (client) => {
    while (!promoted) await client.query("INSERT INTO notes VALUES (1)");
  });
  await cluster.promote(first, { keepOldWriter: true });
  await answer(cluster.writer.url, "CREATE TABLE later (id int)");
  await cluster.waitForReplay();
  promoted = true;
  await writing;
  expect(await answer(second.url, "SELECT count(*)::int FROM later")).toBe(0);
  expect(await count(second)).toBe(await count(first));
});

test("what a reader was told to hold back is not lost by its promotion", async () => {
  await using cluster = await started({ readers: 3 });
  const [lagging, paused, late] = readersOf(cluster);
  await lagging.lag(60_000);
  await late.lag(60_000);
  await paused.pauseReplay();
  await write(cluster.writer);
  await cluster.promote(lagging);
  expect(await count(cluster.writer)).toBe(1);
  await cluster.promote(paused);
  expect(await count(cluster.writer)).toBe(1);
  await late.lag(0);
  await write(cluster.writer);
  await cluster.waitForReplay();
  expect(await count(late)).toBe(2);
});

test("one after the other can be promoted, until the last leads both endpoints", async () => {
  await using cluster = await started({ readers: 2 });
  const [first, second] = readersOf(cluster);
  await Promise.all([cluster.promote(first), cluster.promote(second)]);
  expect(cluster.servers).toEqual([second]);
  expect(await timeline(cluster.writer)).toBe("00000003");
  expect([await nameAt(cluster.writer), await nameAt(cluster.reader)]).toEqual([
    "reader2",
    "reader2",
  ]);
});

test("connections to the promoted reader stay and may write; those to the old writer end", async () => {
  await using cluster = await started({ readers: 1 });
  const [reader] = readersOf(cluster);
  const client = new Client(cluster.writer.url);
  await client.connect();
  const code = new Promise((resolve) => {
    client.on("error", (error) => resolve((error as { code?: string }).code));
  });
  await connected(cluster.reader.url, async (onReader) => {
    const refused = onReader.query("INSERT INTO notes VALUES (1)");
    await expect(refused).rejects.toMatchObject({ code: "25006" });
    await cluster.promote(reader);
    await onReader.query("INSERT INTO notes VALUES (1)");
  });
  expect(await code).toBe("57P01");
  expect(await count(cluster.writer)).toBe(1);
});

test("only a reader of this cluster can be promoted, or asked to lag", async () => {
  await using cluster = await started({ readers: 1 });
  await using other = await startCluster({ readers: 1 });
  const [writer] = cluster.servers as [Reader];
  const [reader] = readersOf(cluster);
  const refused = (text: RegExp) =>
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(text) });
  await expect(cluster.promote(writer)).rejects.toEqual(refused(/^The server writer is a writer/));
  await expect(cluster.promote(readersOf(other)[0])).rejects.toEqual(
    refused(/not in this cluster/),
  );
  await cluster.promote(reader);
  await expect(reader.lag(1)).rejects.toEqual(refused(/reader1 is a writer now/));
  await expect(reader.pauseReplay()).rejects.toEqual(refused(/reader1 is a writer now/));
  await expect(reader.resumeReplay()).rejects.toEqual(refused(/reader1 is a writer now/));
});

test("the gateway for tokens leads to the new writer as well", async () => {
  await using cluster = await startCluster({ readers: 2, iam: true });
  const { iam } = cluster;
  const [, firstEndpoint] = iam.servers;
  await cluster.promote(readersOf(cluster)[0]);
  expect(iam.servers).toHaveLength(2);
  expect(iam.servers[0]).toBe(firstEndpoint);
  const reached = async (endpoint: (typeof iam)["writer"]) => {
    const client = await logIn(iam, endpoint);
    const { rows } = await client.query("SHOW cluster_name");
    await client.end();
    return rows[0].cluster_name;
  };
  expect(await reached(iam.writer)).toBe("reader1");
  expect(await reached(iam.reader)).toBe("reader2");
});

test("an imitation of Aurora knows who is the writer now", async () => {
  await using cluster = await startCluster({ readers: 2, aurora: true });
  const [first] = readersOf(cluster);
  await cluster.promote(first);
  await cluster.waitForReplay();
  const writer =
    "SELECT server_id FROM aurora_replica_status() WHERE session_id = 'MASTER_SESSION_ID'";
  for (const { url } of cluster.servers) expect(await answer(url, writer)).toBe("reader1");
});
