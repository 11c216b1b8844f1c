import { Client } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Cluster, type Reader, type Server, startCluster } from "../src/index.ts";
import { answer, connected, folderOf, processesIn, runProgram, until } from "./helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const serversOf = (cluster: Cluster) => cluster.servers as [Server, Reader];
const timeouts = { query_timeout: 300, connectionTimeoutMillis: 300 };

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a frozen server, with %s", (_, version) => {
  test("answers nothing, neither on open connections nor on new ones, until it is healed", async () => {
    await using cluster = await startCluster({ readers: 1, version });
    const [writer, reader] = serversOf(cluster);
    const client = new Client({ connectionString: cluster.reader.url });
    await client.connect();
    await cluster.freeze(reader);
    expect(reader.state).toBe("frozen");
    const late = client.query("SELECT 1 AS one");
    for (const { url } of [cluster.reader, reader, reader.direct]) {
      const other = new Client({ connectionString: url, ...timeouts });
      await expect(other.connect()).rejects.toThrow("timeout");
    }
    await answer(writer.url, "CREATE TABLE notes (id int)");
    await cluster.waitForReplay();
    await cluster.heal();
    expect((await late).rows).toEqual([{ one: 1 }]);
    expect((await client.query("SELECT count(*)::int FROM notes")).rows).toEqual([{ count: 0 }]);
    await client.end();
  });

  test("is not needed to promote another one, and does not come back as a writer", async () => {
    await using cluster = await startCluster({ readers: 1, version });
    const [old, reader] = serversOf(cluster);
    await cluster.freeze(old);
    await cluster.promote(reader);
    await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
    await cluster.heal();
    expect([old.role, old.state]).toEqual(["reader", "running"]);
    expect(await answer(old.url, "SELECT count(*)::int FROM notes")).toBe(0);
  });
});

test("a frozen server can be crashed, restarted, and stopped with its cluster", async () => {
  const cluster = await startCluster({ readers: 1 });
  const folder = await folderOf(cluster);
  const [writer, reader] = serversOf(cluster);
  await cluster.freeze(writer);
  await cluster.restart(writer);
  await cluster.freeze(writer);
  await cluster.restart(writer, { crash: true });
  expect(await answer(cluster.writer.url, "SHOW cluster_name")).toBe("writer");
  await cluster.freeze(writer);
  await cluster.crash(writer);
  expect(writer.state).toBe("crashed");
  await cluster.freeze(reader);
  await cluster.stop();
  expect(processesIn(folder)).toEqual([]);
});

test("a client of a frozen server that gives up leaves no connection behind", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [, reader] = serversOf(cluster);
  await connected(reader.url, async (client) => {
    await cluster.freeze(reader);
    const given = new Client({ connectionString: reader.url, ...timeouts });
    await expect(given.connect()).rejects.toThrow("timeout");
    await cluster.heal();
    await until("it is gone", () => reader.connections === 1);
    await client.query("SELECT 1");
  });
});

test("frozen servers do not outlive a process that is killed", async () => {
  const program = runProgram("test/programs/hold-cluster.ts", ["freeze"]);
  const { folder } = JSON.parse(await program.firstLine);
  expect(processesIn(folder).length).toBeGreaterThan(4);
  program.child.kill("SIGKILL");
  await until("nothing is left", () => processesIn(folder).length === 0);
});
