import { Client } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Cluster, type Reader, type Server, startCluster } from "../src/index.ts";
import { answer, connected, folderOf, isAlive, processesIn, until } from "./helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const nameAt = (endpoint: { url: string }) => answer(endpoint.url, "SHOW cluster_name");
const count = (endpoint: { url: string }) =>
  answer(endpoint.url, "SELECT count(*)::int FROM notes");
const write = (endpoint: { url: string }) => answer(endpoint.url, "INSERT INTO notes VALUES (1)");

async function started(options: Parameters<typeof startCluster>[0]): Promise<Cluster> {
  const cluster = await startCluster(options);
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  await cluster.waitForReplay();
  return cluster;
}

const serversOf = (cluster: Cluster) => cluster.servers as [Server, Reader, Reader];

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a crash, with %s", (_, version) => {
  test("of the writer breaks connections at once; healed, it goes on with what was committed", async () => {
    await using cluster = await started({ readers: 1, version });
    const [writer] = serversOf(cluster);
    const folder = await folderOf(cluster);
    await write(cluster.writer);
    const client = new Client(cluster.writer.url);
    const code = new Promise((resolve) =>
      client.on("error", (error) => resolve((error as { code?: string }).code)),
    );
    await client.connect();

    await cluster.crash(writer);

    expect(await code).toBe("ECONNRESET");
    expect(writer.state).toBe("crashed");
    expect(isAlive(writer.pid)).toBe(false);
    expect(processesIn(`${folder}/writer`)).toEqual([]);
    for (const endpoint of [cluster.writer, writer]) {
      await expect(write(endpoint)).rejects.toMatchObject({ code: "ECONNRESET" });
    }
    await expect(write(writer.direct)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(cluster.waitForReplay()).rejects.toMatchObject({ code: "NOT_RUNNING" });
    expect(await count(cluster.reader)).toBe(1);

    await cluster.heal();
    expect(writer.state).toBe("running");
    expect(writer.log()).toContain("not properly shut down");
    await write(cluster.writer);
    await cluster.waitForReplay();
    expect(await count(cluster.reader)).toBe(2);
  });

  test("of the writer needs nobody to be promoted, and what it was becomes a reader", async () => {
    await using cluster = await started({ readers: 2, version });
    const [old, first, second] = serversOf(cluster);
    await cluster.crash(old);
    await cluster.promote(first);
    expect(cluster.servers).toEqual([first, second, old]);
    expect(await nameAt(cluster.writer)).toBe("reader1");
    await write(cluster.writer);
    await cluster.waitForReplay();
    expect(await count(second)).toBe(1);

    await cluster.heal();
    expect(cluster.servers).toEqual([first, old, second]);
    expect([old.role, old.state]).toEqual(["reader", "running"]);
    expect(await count(old)).toBe(1);
    await expect(write(old)).rejects.toMatchObject({ code: "25006" });
    const reached = new Set([await nameAt(cluster.reader), await nameAt(cluster.reader)]);
    expect(reached).toEqual(new Set(["writer", "reader2"]));
    await cluster.promote(old as Reader);
    await write(cluster.writer);
  });
});

test("of a reader costs only what leads there, and heal() brings it back", async () => {
  await using cluster = await started({ readers: 2 });
  const [, first, second] = serversOf(cluster);
  await connected(second.url, async (client) => {
    await cluster.crash(first);
    await client.query("SELECT 1");
    const outcomes = await Promise.allSettled([nameAt(cluster.reader), nameAt(cluster.reader)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await write(cluster.writer);
    // One that is down is not waited for, nor told to lag.
    await cluster.waitForReplay();
    await cluster.lag(0);
    await expect(first.lag(1)).rejects.toMatchObject({ code: "NOT_RUNNING" });
    await expect(cluster.promote(first)).rejects.toMatchObject({ code: "NOT_RUNNING" });
    await cluster.heal();
    await client.query("SELECT 1");
  });
  expect(await count(first)).toBe(1);
});

test("loses nothing that some reader has: the promoted one gets it from there", async () => {
  await using cluster = await started({ readers: 2 });
  const [old, first, second] = serversOf(cluster);
  // The first reader hears nothing of the writes, and wakes up when the writer is gone.
  await cluster.freeze(first);
  for (let row = 0; row < 3; row += 1) await write(cluster.writer);
  await cluster.waitForReplay();
  await cluster.crash(old);
  await cluster.restart(first, { crash: true });
  await cluster.promote(first);
  expect(await count(cluster.writer)).toBe(3);
  await write(cluster.writer);
  await cluster.waitForReplay();
  expect(await count(second)).toBe(4);
});

test("a reader that is down during a promotion follows the new writer when it is back", async () => {
  await using cluster = await started({ readers: 2 });
  const [old, first, second] = serversOf(cluster);
  await cluster.crash(second);
  await cluster.crash(old);
  await cluster.promote(first);
  await write(cluster.writer);
  await cluster.heal();
  expect([await count(old), await count(second)]).toEqual([1, 1]);
});

test("the writer endpoint leads to the dead one until its delay is over", async () => {
  await using cluster = await started({ readers: 1 });
  const [old, reader] = serversOf(cluster);
  await cluster.crash(old);
  await cluster.promote(reader, { endpointDelayMs: 1_500 });
  expect(cluster.servers[0]).toBe(reader);
  await expect(write(cluster.writer)).rejects.toMatchObject({ code: "ECONNRESET" });
  await write(reader);
  await until("the endpoint has followed", () =>
    write(cluster.writer).then(
      () => true,
      () => false,
    ),
  );
  expect(await nameAt(cluster.writer)).toBe("reader1");
});

test("heal() does not wait for the delay of the endpoint", async () => {
  await using cluster = await started({ readers: 1 });
  const [old, reader] = serversOf(cluster);
  await cluster.promote(reader, { keepOldWriter: true, endpointDelayMs: 2 ** 31 - 1 });
  expect(await nameAt(cluster.writer)).toBe("writer");
  await write(old);
  await cluster.heal();
  expect(await nameAt(cluster.writer)).toBe("reader1");
  // What was only there is lost: nobody else knew of it.
  expect([old.role, await count(old)]).toEqual(["reader", 0]);
});

test("a cluster stops with servers that have crashed, and leaves nothing behind", async () => {
  const cluster = await started({ readers: 1 });
  const folder = await folderOf(cluster);
  const [writer, reader] = serversOf(cluster);
  await cluster.crash(writer);
  await cluster.crash(reader);
  await cluster.stop();
  expect(processesIn(folder)).toEqual([]);
  await expect(cluster.heal()).rejects.toMatchObject({ code: "STOPPED" });
});
