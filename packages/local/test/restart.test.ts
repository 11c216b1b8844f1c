import { Client } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Cluster, type Server, startCluster } from "../src/index.ts";
import { answer, connected, isAlive, until } from "./helpers.ts";
import { logIn } from "./iam-helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const count = (endpoint: { url: string }) =>
  answer(endpoint.url, "SELECT count(*)::int FROM notes");
const write = (endpoint: { url: string }) => answer(endpoint.url, "INSERT INTO notes VALUES (1)");

/** The code of the error by which a client learns that its connection is gone. */
async function farewellOf(client: Client): Promise<string | undefined> {
  return new Promise((resolve) => {
    // The first of them counts: pg goes on to say that the connection is gone.
    client.on("error", (error) => resolve((error as { code?: string }).code));
  });
}

async function opened(url: string): Promise<{ farewell: Promise<string | undefined> }> {
  const client = new Client(url);
  const farewell = farewellOf(client);
  await client.connect();
  return { farewell };
}

const serversOf = (cluster: Cluster) => cluster.servers as [Server, Server, Server];

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a restart, with %s", (_, version) => {
  test("of the writer after a crash keeps what was committed, and readers stream again", async () => {
    await using cluster = await startCluster({ readers: 2, version });
    const [writer, first, second] = serversOf(cluster);
    await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
    await write(cluster.writer);
    const { pid, port, direct } = writer;
    await cluster.restart(writer, { crash: true });
    expect(writer.pid).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
    expect([writer.port, writer.direct.port]).toEqual([port, direct.port]);
    expect(writer.log()).toContain("not properly shut down");
    await write(cluster.writer);
    await cluster.waitForReplay();
    expect([await count(first), await count(second)]).toEqual([2, 2]);
    const streaming = "SELECT count(*)::int FROM pg_stat_replication WHERE state = 'streaming'";
    expect(await answer(cluster.writer.url, streaming)).toBe(2);
  });
});

test("in order tells clients, a crash does not, on any endpoint", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [writer, reader] = serversOf(cluster);
  for (const [server, endpoint] of [
    [writer, cluster.writer],
    [reader, cluster.reader],
  ] as const) {
    const inOrder = await Promise.all([endpoint.url, server.url].map(opened));
    await cluster.restart(server);
    const told = await Promise.all(inOrder.map(({ farewell }) => farewell));
    expect(told).toEqual(["57P01", "57P01"]);

    const crashed = await Promise.all([endpoint.url, server.url].map(opened));
    await cluster.restart(server, { crash: true });
    const cut = await Promise.all(crashed.map(({ farewell }) => farewell));
    expect(cut).toEqual(["ECONNRESET", "ECONNRESET"]);
  }
});

test("of one server leaves connections to the others alone", async () => {
  await using cluster = await startCluster({ readers: 2 });
  const [, first, second] = serversOf(cluster);
  await connected(cluster.writer.url, (onWriter) =>
    connected(second.url, async (onReader) => {
      await cluster.restart(first, { crash: true });
      for (const client of [onWriter, onReader]) await client.query("SELECT 1");
    }),
  );
});

test("of a reader keeps its lag, and ends its pause", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [, server] = serversOf(cluster);
  await cluster.lag(12_345);
  await cluster.pauseReplay();
  await cluster.restart(server);
  expect(await answer(server.url, "SHOW recovery_min_apply_delay")).toBe("12345ms");
  expect(await answer(server.url, "SELECT pg_is_wal_replay_paused()")).toBe(false);
});

test("brings a server back that has ended by itself", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [, server] = serversOf(cluster);
  const { pid } = server;
  process.kill(pid, "SIGQUIT");
  await until("it is gone", () => !isAlive(pid));
  await cluster.restart(server);
  expect(await answer(server.url, "SELECT 1")).toBe(1);
});

test("of a promoted server leaves it the writer", async () => {
  await using cluster = await startCluster({ readers: 2 });
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  const [reader] = cluster.readers;
  if (!reader) throw new Error("there is no reader");
  await cluster.promote(reader);
  await cluster.restart(reader, { crash: true });
  await write(cluster.writer);
  await cluster.waitForReplay();
  expect(await count(cluster.reader)).toBe(1);
});

test("cuts the connections of the gateway for tokens", async () => {
  await using cluster = await startCluster({ readers: 0, iam: true });
  const [writer] = serversOf(cluster);
  const client = await logIn(cluster.iam, cluster.iam.writer);
  const farewell = farewellOf(client);
  await cluster.restart(writer, { crash: true });
  expect(await farewell).toBe("ECONNRESET");
  await (await logIn(cluster.iam, cluster.iam.writer)).end();
});

test("of a server that is not in the cluster is refused", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [old] = serversOf(cluster);
  const [reader] = cluster.readers;
  if (reader) await cluster.promote(reader);
  await expect(cluster.restart(old)).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringMatching(/^The server writer is not in this cluster/),
  });
});
