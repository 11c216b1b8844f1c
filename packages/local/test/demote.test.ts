import { Client, type QueryConfig } from "pg";
import { describe, expect, test, vi } from "vitest";
import { type Cluster, type Reader, type Server, startCluster } from "../src/index.ts";
import { answer, connected, until } from "./helpers.ts";
import { logIn } from "./iam-helpers.ts";

// Each test starts servers of its own, some of them several times.
vi.setConfig({ testTimeout: 90_000 });

const nameAt = (endpoint: { url: string }) => answer(endpoint.url, "SHOW cluster_name");
const serversOf = (cluster: Cluster) => cluster.servers as [Server, Reader, Reader];
const insert: QueryConfig = { name: "insert", text: "INSERT INTO notes VALUES (1)" };
const count: QueryConfig = { name: "count", text: "SELECT count(*)::int FROM notes" };

/** The code of the error by which a client learns that its connection is gone. */
function farewellOf(client: Client): Promise<string | undefined> {
  return new Promise((resolve) => {
    client.on("error", (error) => resolve((error as { code?: string }).code));
  });
}

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a demotion, with %s", (_, version) => {
  test("keeps connections open, which learn from a refusal that they are a reader's now", async () => {
    await using cluster = await startCluster({ readers: 2, version });
    const [old, first, second] = serversOf(cluster);
    await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
    await connected(cluster.writer.url, async (client) => {
      const parameters: string[] = [];
      await client.query(insert);
      await client.query(count);
      (
        client as unknown as {
          connection: { on(name: string, heard: (it: unknown) => void): void };
        }
      ).connection.on("parameterStatus", (it) =>
        parameters.push((it as { parameterName: string }).parameterName),
      );

      await cluster.demote();

      expect(cluster.servers).toEqual([first, old, second]);
      expect([old.role, old.state]).toEqual(["reader", "running"]);
      await expect(client.query(insert)).rejects.toMatchObject({ code: "25006" });
      expect((await client.query(count)).rows).toEqual([{ count: 1 }]);
      expect((await client.query("SHOW cluster_name")).rows).toEqual([{ cluster_name: "writer" }]);
      expect(parameters).toEqual([]);
      await answer(cluster.writer.url, "INSERT INTO notes VALUES (2)");
      await cluster.waitForReplay();
      expect((await client.query(count)).rows).toEqual([{ count: 2 }]);
      expect(await nameAt(cluster.writer)).toBe("reader1");

      // And back: the same connection is a writer's again.
      await cluster.demote({ to: old as Reader });
      await client.query(insert);
      expect(await nameAt(cluster.writer)).toBe("writer");
    });
    await until("nothing is left open", () => cluster.writer.connections === 0);
  });
});

test("whoever a client has logged in as, and with what parameters, it still has", async () => {
  await using cluster = await startCluster({ readers: 1 });
  await answer(cluster.writer.url, `CREATE ROLE "Some one" LOGIN PASSWORD 'secret'`);
  await answer(cluster.writer.url, "CREATE DATABASE other");
  const client = new Client({
    host: cluster.writer.host,
    port: cluster.writer.port,
    user: "Some one",
    password: "secret",
    database: "other",
    application_name: "shop",
    options: "-c statement_timeout=12345 -c work_mem=1MB",
  });
  await client.connect();
  const session = `SELECT session_user, current_user, current_database(),
    current_setting('application_name') AS application, current_setting('statement_timeout') AS timeout,
    current_setting('work_mem') AS memory`;
  const { rows } = await client.query(session);
  await cluster.demote();
  expect((await client.query(session)).rows).toEqual(rows);
  await client.query("DISCARD ALL");
  expect((await client.query(session)).rows[0]).toMatchObject({
    timeout: "12345ms",
    memory: "1MB",
  });
  await client.end();
});

test("statements can be cancelled by the key that the client was given", async () => {
  await using cluster = await startCluster({ readers: 1 });
  await connected(cluster.writer.url, async (client) => {
    await cluster.demote();
    const sleeping = client.query("SELECT pg_sleep(60)");
    await until("it sleeps", async () => {
      const asked =
        "SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
      return (await answer(cluster.reader.url, asked)) === 1;
    });
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const canceller = new Client(cluster.writer.url) as unknown as {
      connection: {
        connect(port: number, host: string): void;
        on(name: string, heard: () => void): void;
        cancel(processID: number, secretKey: number): void;
      };
    };
    const { connection } = canceller;
    connection.on("error", () => {});
    connection.on("connect", () => connection.cancel(processID, secretKey));
    connection.connect(cluster.writer.port, cluster.writer.host);
    await expect(sleeping).rejects.toMatchObject({ code: "57014" });
  });
});

test("what is not quiet in time is reset; what ends in time is kept", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const transaction = new Client(cluster.writer.url);
  const farewell = farewellOf(transaction);
  await transaction.connect();
  await transaction.query("BEGIN");
  await connected(cluster.writer.url, async (client) => {
    const short = client.query("SELECT pg_sleep(0.3)");
    await cluster.demote({ graceMs: 1_000 });
    await short;
    await client.query("SELECT 1");
  });
  expect(await farewell).toBe("ECONNRESET");
});

test("clients that do not stop writing lose nothing, and are refused from then on", async () => {
  await using cluster = await startCluster({ readers: 1 });
  await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
  const writing = [1, 2, 3].map(() =>
    connected(cluster.writer.url, async (client) => {
      for (let rows = 0; ; rows += 1) {
        const refused = await client.query(insert).then(
          () => undefined,
          (error) => error.code,
        );
        if (refused) return { rows, refused };
      }
    }),
  );
  const rows = "SELECT count(*)::int FROM notes";
  await until("they write", async () => Number(await answer(cluster.reader.url, rows)) > 30);
  await cluster.demote();
  const written = await Promise.all(writing);
  expect(written.map(({ refused }) => refused)).toEqual(["25006", "25006", "25006"]);
  expect(await answer(cluster.writer.url, rows)).toBe(
    written.reduce((sum, { rows }) => sum + rows, 0),
  );
});

test("without keepConnections they are told that the server stops; the endpoint may lead to the reader for a while", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const client = new Client(cluster.writer.url);
  const farewell = farewellOf(client);
  await client.connect();
  await cluster.demote({ keepConnections: false, endpointDelayMs: 2 ** 31 - 1 });
  expect(await farewell).toBe("57P01");
  expect(await nameAt(cluster.writer)).toBe("writer");
  expect(await answer(cluster.writer.url, "SELECT pg_is_in_recovery()")).toBe(true);
  await cluster.heal();
  expect(await nameAt(cluster.writer)).toBe("reader1");
});

test("connections through the gateway for tokens end, and new ones reach the new writer", async () => {
  await using cluster = await startCluster({ readers: 1, iam: true });
  const { iam } = cluster;
  const client = await logIn(iam, iam.writer);
  const farewell = farewellOf(client);
  await connected(cluster.writer.url, async (plain) => {
    await cluster.demote();
    await plain.query("SELECT 1");
  });
  expect(await farewell).toBe("57P01");
  const next = await logIn(iam, iam.writer);
  expect((await next.query("SHOW cluster_name")).rows).toEqual([{ cluster_name: "reader1" }]);
  await next.end();
});

test("there has to be a reader, and it has to run", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [writer, reader] = serversOf(cluster);
  await expect(cluster.demote({ to: writer as Reader })).rejects.toMatchObject({
    code: "INVALID_OPTION",
  });
  await cluster.crash(reader);
  await expect(cluster.demote()).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(cluster.demote({ to: reader })).rejects.toMatchObject({ code: "NOT_RUNNING" });
  await cluster.heal();
  await cluster.demote();
  await cluster.heal();
  expect(cluster.servers).toEqual([reader, writer]);
});
