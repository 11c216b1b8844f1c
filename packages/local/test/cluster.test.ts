import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, startCluster } from "../src/index.ts";
import { answer, connected, until } from "./helpers.ts";

describe.each([
  ["the default PostgreSQL", undefined],
  ["PostgreSQL 14", "14"],
])("a cluster of %s with two readers", (_, version) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 2, version, logStatements: true });
    await answer(cluster.writer.url, "CREATE TABLE notes (id int PRIMARY KEY)");
    await cluster.waitForReplay();
  });

  afterEach(async () => {
    await cluster.lag(0);
    await cluster.resumeReplay();
    await answer(cluster.writer.url, "TRUNCATE notes");
    await cluster.waitForReplay();
  });

  afterAll(() => cluster?.stop());

  const write = (id: number) =>
    answer(cluster.writer.url, `INSERT INTO notes VALUES (${id}) RETURNING id`);
  const countOn = (url: string) => answer(url, "SELECT count(*)::int FROM notes");

  /** Until a reader has a commit at hand that it may not apply yet. */
  const untilHeldBack = (url: string) =>
    until("a commit is held back", async () =>
      Boolean(
        await answer(
          url,
          "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'RecoveryApplyDelay')",
        ),
      ),
    );

  test("runs the version that was asked for", async () => {
    const running = String(await answer(cluster.writer.url, "SHOW server_version"));
    expect(running.split(" ")[0]).toBe(cluster.version);
    if (version) expect(cluster.version.split(".")[0]).toBe(version);
  });

  test("every server knows its name, behind its relay and without it", async () => {
    expect(cluster.servers.map(({ name }) => name)).toEqual(["writer", "reader1", "reader2"]);
    for (const server of cluster.servers) {
      expect(await answer(server.url, "SHOW cluster_name")).toBe(server.name);
      expect(await answer(server.direct.url, "SHOW cluster_name")).toBe(server.name);
    }
  });

  test("roles are what PostgreSQL says they are", async () => {
    for (const server of cluster.servers) {
      const recovering = await answer(server.url, "SELECT pg_is_in_recovery()");
      expect(server.role).toBe(recovering ? "reader" : "writer");
    }
    expect(cluster.readers.map(({ name }) => name)).toEqual(["reader1", "reader2"]);
  });

  test("readers stream from the writer under their names", async () => {
    const names =
      "SELECT array_agg(application_name ORDER BY application_name) FROM pg_stat_replication";
    const streaming = `${names} WHERE state = 'streaming'`;
    expect(await answer(cluster.writer.url, streaming)).toEqual(["reader1", "reader2"]);
  });

  test("what the writer wrote is on each reader after waitForReplay", async () => {
    for (let id = 1; id <= 20; id += 1) {
      await write(id);
      await cluster.waitForReplay();
      for (const reader of cluster.readers) expect(await countOn(reader.url)).toBe(id);
    }
  });

  test("readers refuse writes", async () => {
    for (const reader of cluster.readers) {
      await expect(answer(reader.url, "INSERT INTO notes VALUES (1)")).rejects.toMatchObject({
        code: "25006",
      });
    }
  });

  test("the reader endpoint leads new connections to the readers in turn", async () => {
    const before = cluster.reader.accepted;
    const reached: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      reached.push(await answer(cluster.reader.url, "SHOW cluster_name"));
    }
    expect(new Set(reached.slice(0, 2))).toEqual(new Set(["reader1", "reader2"]));
    expect(reached.slice(2)).toEqual(reached.slice(0, 2));
    expect(cluster.reader.accepted).toBe(before + 4);
  });

  test("the writer endpoint leads to the writer", async () => {
    expect(await answer(cluster.writer.url, "SHOW cluster_name")).toBe("writer");
  });

  test("an endpoint counts one flight for each round trip of a client", async () => {
    await connected(cluster.writer.url, async (client) => {
      const { flights } = cluster.writer;
      await client.query("SELECT 1");
      await client.query("SELECT $1::int", [2]);
      expect(cluster.writer.flights).toBe(flights + 2);
      expect(cluster.writer.connections).toBe(1);
    });
    await until("the connection is closed", () => cluster.writer.connections === 0);
  });

  test("an endpoint can be given to pg as it is", async () => {
    const pool = new Pool({ ...cluster.writer, max: 1 });
    const { rows } = await pool.query("SELECT current_database() AS db, current_user AS name");
    await pool.end();
    expect(rows).toEqual([{ db: "app", name: "app" }]);
  });

  test("clients come in by password only", async () => {
    const url = cluster.writer.url.replace(/:[^:@]*@/, ":wrong@");
    await expect(answer(url, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("lag holds a commit back for that long", async () => {
    await cluster.lag(700);
    await write(1);
    const committed = performance.now();
    for (const reader of cluster.readers) expect(await countOn(reader.url)).toBe(0);
    await cluster.waitForReplay();
    // Commits carry the time before they were flushed.
    expect(performance.now() - committed).toBeGreaterThan(600);
    for (const reader of cluster.readers) expect(await countOn(reader.url)).toBe(1);
  });

  test("lag is in force for the very next commit, and its end releases what is held", async () => {
    for (let id = 1; id <= 10; id += 1) {
      await cluster.lag(60_000);
      await write(id);
      for (const reader of cluster.readers) {
        await untilHeldBack(reader.url);
        expect(await countOn(reader.url)).toBe(id - 1);
      }
      await cluster.lag(0);
      await cluster.waitForReplay();
    }
  });

  test("lag of one reader leaves the other alone", async () => {
    const [first, second] = cluster.readers;
    await first?.lag(60_000);
    await write(1);
    await until("the second reader has it", async () => (await countOn(second?.url ?? "")) === 1);
    expect(await countOn(first?.url ?? "")).toBe(0);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 31])("a lag of %d is refused", async (lag) => {
    await expect(cluster.lag(lag)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a paused reader stands still while the other goes on, and catches up when resumed", async () => {
    const [paused, running] = cluster.readers;
    await paused?.pauseReplay();
    await write(1);
    await cluster.waitForReplay();
    expect(await countOn(running?.url ?? "")).toBe(1);
    expect(await countOn(paused?.url ?? "")).toBe(0);
    await paused?.resumeReplay();
    await cluster.waitForReplay();
    expect(await countOn(paused?.url ?? "")).toBe(1);
  });

  test("a pause keeps a commit that a lag holds back", async () => {
    await cluster.lag(60_000);
    await write(1);
    for (const reader of cluster.readers) await untilHeldBack(reader.url);
    await cluster.pauseReplay();
    await cluster.lag(0);
    await until("all are paused", async () => {
      const state = "SELECT pg_get_wal_replay_pause_state()";
      const states = cluster.readers.map((reader) => answer(reader.url, state));
      return (await Promise.all(states)).every((answered) => answered === "paused");
    });
    for (const reader of cluster.readers) expect(await countOn(reader.url)).toBe(0);
  });

  test("waitForReplay tells which reader is behind", async () => {
    await cluster.readers[1]?.lag(60_000);
    await write(1);
    await expect(cluster.waitForReplay(100)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/^reader2 did not catch up .* 100 ms/),
    });
  });

  test.each([
    ["a rollback, which nobody flushes", "BEGIN; INSERT INTO notes VALUES (1); ROLLBACK"],
    ["a switch of the WAL segment, which leaves an empty page", "SELECT pg_switch_wal()"],
    ["an asynchronous commit", "SET synchronous_commit = off; INSERT INTO notes VALUES (1)"],
  ])("waitForReplay comes back after %s", async (_what, text) => {
    for (let turn = 0; turn < 5; turn += 1) {
      await connected(cluster.writer.url, (client) => client.query(`${text}; TRUNCATE notes`));
      await connected(cluster.writer.url, (client) => client.query(text));
      await cluster.waitForReplay(2_000);
      await answer(cluster.writer.url, "TRUNCATE notes");
    }
  });

  test("prepared transactions work", async () => {
    await connected(cluster.writer.url, async (client) => {
      await client.query("BEGIN");
      await client.query("INSERT INTO notes VALUES (1)");
      await client.query("PREPARE TRANSACTION 'first'");
      await client.query("COMMIT PREPARED 'first'");
    });
    await cluster.waitForReplay();
    expect(await countOn(cluster.reader.url)).toBe(1);
  });

  test("the log of each server has the statements that ran there, and none of ours", async () => {
    for (const server of cluster.servers) {
      await connected(server.url, (client) => client.query("SELECT $1::text", [server.name]));
    }
    await cluster.waitForReplay();
    for (const server of cluster.servers) {
      // "parameters" in PostgreSQL 14, "Parameters" since.
      await until(`${server.name} has logged it`, () =>
        server.log().includes(`arameters: $1 = '${server.name}'`),
      );
      for (const other of cluster.servers.filter(({ name }) => name !== server.name)) {
        expect(server.log()).not.toContain(`$1 = '${other.name}'`);
      }
      expect(server.log()).not.toContain("pg_last_wal_replay_lsn");
    }
  });
});

describe("a cluster with options", () => {
  test("has the settings, the database, the user and the password that were asked for", async () => {
    await using cluster = await startCluster({
      readers: 1,
      settings: { work_mem: "7MB", "my.motto": "it's \\ fine", wal_level: "logical" },
      database: "the shop",
      user: "shop owner",
      password: "p@ss/w:rd",
    });
    for (const server of cluster.servers) {
      expect(await answer(server.url, "SHOW work_mem")).toBe("7MB");
      expect(await answer(server.url, "SHOW my.motto")).toBe("it's \\ fine");
      expect(await answer(server.url, "SHOW wal_level")).toBe("logical");
      expect(await answer(server.url, "SELECT current_database()")).toBe("the shop");
      expect(await answer(server.url, "SELECT current_user")).toBe("shop owner");
    }
    expect([cluster.database, cluster.user]).toEqual(["the shop", "shop owner"]);
  });

  test("without readers, its reader endpoint leads to the writer", async () => {
    await using cluster = await startCluster({ readers: 0 });
    expect(cluster.readers).toEqual([]);
    expect(await answer(cluster.reader.url, "SHOW cluster_name")).toBe("writer");
    await cluster.lag(100);
    await cluster.waitForReplay();
  });

  test("a setting that PostgreSQL refuses fails the start with the server's own words", async () => {
    await expect(startCluster({ settings: { work_mem: "a lot" } })).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringMatching(/invalid value for parameter "work_mem"/),
    });
  });

  test.each(["pg_me", "public", "", "x".repeat(64)])("a user named %j is refused", async (user) => {
    await expect(startCluster({ user })).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringMatching(/^user is ".*": give a name/),
    });
  });
});
