import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, startCluster } from "../src/index.ts";
import { answer, connected, until } from "./helpers.ts";

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("an imitation of Aurora by %s with two readers", (_, version) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 2, version, aurora: true });
    await answer(cluster.writer.url, "CREATE TABLE notes (id int)");
    await answer(cluster.writer.url, "CREATE ROLE clerk LOGIN PASSWORD 'clerk'");
    await cluster.waitForReplay();
  });

  afterAll(() => cluster?.stop());

  const rows = (url: string, text: string) =>
    connected(url, async (client) => (await client.query(text)).rows);

  /** A URL as it is for a user without any privileges. */
  const clerk = (url: string) => url.replace(/\/\/[^@]*@/, "//clerk:clerk@");
  const inDatabase = (url: string, database: string) => url.replace(/[^/]*$/, database);

  const unsupported = (name: string) => ({
    code: "0A000",
    message: `Function ${name}() is currently not supported for Aurora`,
  });
  const needsLogical = () => ({
    code: "55000",
    message: "wal_level must be set to 'logical'",
    hint: "WAL control functions cannot be executed when wal_level < logical.",
  });

  test.each([
    ["pg_current_wal_lsn", "", needsLogical],
    ["pg_current_wal_insert_lsn", "", needsLogical],
    ["pg_current_wal_flush_lsn", "", needsLogical],
    ["pg_last_wal_receive_lsn", "", unsupported],
    ["pg_last_wal_replay_lsn", "", unsupported],
    ["pg_last_xact_replay_timestamp", "", unsupported],
    ["pg_walfile_name", "'0/1000000'", unsupported],
    ["pg_walfile_name_offset", "'0/1000000'", unsupported],
  ])("%s(%s) fails on every server, for everybody", async (name, values, expected) => {
    const error = expected(name);
    const call = `${name}(${values})`;
    for (const { url } of cluster.servers) {
      for (const text of [`SELECT ${call}`, `SELECT pg_catalog.${call}`]) {
        await expect(answer(url, text)).rejects.toMatchObject(error);
        await expect(answer(clerk(url), text)).rejects.toMatchObject(error);
      }
    }
  });

  test("positions in the WAL can still be compared", async () => {
    for (const { url } of cluster.servers) {
      expect(await answer(url, "SELECT pg_wal_lsn_diff('0/2', '0/1')")).toBe("1");
    }
  });

  test("other databases are no different, whatever they were made from", async () => {
    await answer(cluster.writer.url, "CREATE DATABASE later");
    await answer(cluster.writer.url, "CREATE DATABASE bare TEMPLATE template0");
    await cluster.waitForReplay();
    for (const { url } of cluster.servers) {
      for (const database of ["postgres", "template1", "later", "bare"]) {
        const other = inDatabase(url, database);
        await expect(answer(other, "SELECT pg_current_wal_lsn()")).rejects.toMatchObject({
          code: "55000",
        });
        expect(await answer(other, "SELECT aurora_db_instance_identifier()")).toBeTypeOf("string");
      }
    }
  });

  test("template0 is closed again", async () => {
    await expect(
      answer(inDatabase(cluster.writer.url, "template0"), "SELECT 1"),
    ).rejects.toMatchObject({ code: "55000" });
  });

  test("every server tells its own name, and the version of Aurora", async () => {
    for (const { url, name } of cluster.servers) {
      const own = "SELECT aurora_db_instance_identifier()";
      expect(await answer(url, own)).toBe(name);
      expect(await answer(clerk(url), own)).toBe(name);
      expect(await answer(clerk(url), "SELECT aurora_version()")).toBe(`${cluster.version}.1`);
    }
  });

  test("rds.extensions tells clients that this is Aurora", async () => {
    for (const { url } of cluster.servers) {
      expect(await answer(clerk(url), "SELECT current_setting('rds.extensions', true)")).toContain(
        "aurora_stat_utils",
      );
    }
  });

  const status = (columns: string) => `SELECT ${columns} FROM aurora_replica_status()`;

  test("the writer lists all servers, to everybody", async () => {
    const listed = status("server_id, session_id = 'MASTER_SESSION_ID' AS master");
    for (const url of [cluster.writer.url, clerk(cluster.writer.url)]) {
      expect(await rows(url, listed)).toEqual([
        { server_id: "writer", master: true },
        { server_id: "reader1", master: false },
        { server_id: "reader2", master: false },
      ]);
    }
  });

  test("a reader lists itself and the writer, to everybody", async () => {
    const listed = status("server_id, session_id = 'MASTER_SESSION_ID' AS master");
    for (const { url, name } of cluster.readers) {
      expect(await rows(clerk(url), listed)).toEqual([
        { server_id: name, master: false },
        { server_id: "writer", master: true },
      ]);
    }
  });

  test("a reader has the same UUID wherever it is listed", async () => {
    const uuid = status("session_id::uuid").concat(" WHERE server_id = 'reader2'");
    const seen = [cluster.writer.url, cluster.readers[1]?.url ?? ""].map((url) =>
      answer(url, uuid),
    );
    const [first, second] = await Promise.all(seen);
    expect(second).toBe(first);
  });

  test("only the server that is asked has no time of its last update", async () => {
    const updated = status("server_id").concat(" WHERE last_update_timestamp IS NULL");
    for (const { url, name } of cluster.servers) {
      expect(await rows(url, updated)).toEqual([{ server_id: name }]);
    }
  });

  test("positions and lag are those of the servers", async () => {
    const [paused, running] = cluster.readers;
    const durable = status("durable_lsn").concat(" WHERE server_id = ");
    const own = durable.concat("aurora_db_instance_identifier()");
    const lag = status("replica_lag_in_msec").concat(
      " WHERE server_id = aurora_db_instance_identifier()",
    );
    await paused?.pauseReplay();
    try {
      const before = BigInt(String(await answer(cluster.writer.url, own)));
      await answer(cluster.writer.url, "INSERT INTO notes VALUES (1)");
      const after = BigInt(String(await answer(cluster.writer.url, own)));
      expect(after).toBeGreaterThan(before);
      await cluster.waitForReplay();

      expect(BigInt(String(await answer(running?.url ?? "", own)))).toBeGreaterThanOrEqual(after);
      expect(await answer(running?.url ?? "", lag)).toBe("0");
      expect(BigInt(String(await answer(paused?.url ?? "", own)))).toBeLessThan(after);
      await until(
        "the paused reader tells a lag",
        async () => Number(await answer(paused?.url ?? "", lag)) > 0,
      );
      await until("the writer knows of both", async () => {
        const [behind, ahead] = await Promise.all(
          ["reader1", "reader2"].map((name) =>
            answer(cluster.writer.url, durable.concat(`'${name}'`)),
          ),
        );
        return BigInt(String(behind)) < after && BigInt(String(ahead)) >= after;
      });
    } finally {
      await paused?.resumeReplay();
    }
  });

  test("the cluster's own methods work as ever", async () => {
    const count = () => answer(cluster.reader.url, "SELECT count(*)::int FROM notes");
    await answer(cluster.writer.url, "TRUNCATE notes");
    await cluster.waitForReplay();
    await cluster.lag(60_000);
    await answer(cluster.writer.url, "INSERT INTO notes VALUES (1)");
    await cluster.pauseReplay();
    await cluster.lag(0);
    expect(await count()).toBe(0);
    await cluster.resumeReplay();
    await cluster.waitForReplay();
    expect(await count()).toBe(1);
  });
});

test("with wal_level = logical, the writer's position can be asked for, as on Aurora", async () => {
  await using cluster = await startCluster({ aurora: true, settings: { wal_level: "logical" } });
  expect(await answer(cluster.writer.url, "SELECT pg_current_wal_lsn()")).toMatch(/^0\//);
  await expect(answer(cluster.reader.url, "SELECT pg_last_wal_replay_lsn()")).rejects.toMatchObject(
    {
      code: "0A000",
    },
  );
});

test("without the option nothing is of Aurora", async () => {
  await using cluster = await startCluster({ readers: 0 });
  const { url } = cluster.writer;
  expect(await answer(url, "SELECT pg_current_wal_lsn()")).toMatch(/^0\//);
  await expect(answer(url, "SELECT aurora_version()")).rejects.toMatchObject({ code: "42883" });
  expect(await answer(url, "SELECT current_setting('rds.extensions', true)")).toBe(null);
});
