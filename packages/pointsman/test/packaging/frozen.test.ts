import { type Cluster, type Reader, type Server, startCluster } from "@pointsman/local";
import { createPool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { paused } from "../freshness/paused.ts";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";
import { SteeredProcess } from "./support/steered-process.ts";

const where = `select ${here} as server`;
const insert = `insert into notes (text) values ($1) returning ${here} as server`;

async function start(
  options: PoolOptions & { readonly iam?: boolean },
  env: NodeJS.ProcessEnv = {},
): Promise<SteeredProcess> {
  const process = await SteeredProcess.start({ catalog: false, ...options }, env);
  onTestFinished(() => process.stop());
  return process;
}

/** It goes on as if nothing had been: a read, a write, and nothing that nobody has caught. */
async function works(process: SteeredProcess, writer = "writer"): Promise<void> {
  const text = newMark();
  expect(await process.rows(insert, [text])).toEqual([{ server: writer }]);
  const rows = await process.rows("select count(*)::int as count from notes where text = $1", [
    text,
  ]);
  expect(rows).toEqual([{ count: 1 }]);
  expect(await process.do({ do: "uncaught" })).toEqual([]);
}

describe("R33: a process that was frozen and goes on", () => {
  const local = localCluster({ readers: 1, schema: "create table notes (text text)" });

  /** A process on relays that lead to the writer and to the reader. */
  async function throughRelays(options: PoolOptions = {}) {
    const { writer, readers } = local.cluster;
    const [toWriter, toReader] = [writer, readers[0] as Server].map(({ host, port }) => {
      return new CuttableRelay({ host, port });
    }) as [CuttableRelay, CuttableRelay];
    for (const relay of [toWriter, toReader]) {
      await relay.open();
      onTestFinished(() => relay.close());
    }
    const process = await start({
      writer: toWriter.url(writer.url),
      reader: toReader.url(writer.url),
      ...options,
    });
    expect(await process.rows(where)).toEqual([{ server: "reader1" }]);
    await works(process);
    return { process, toWriter, toReader };
  }

  /** How often a note is there, past the library. */
  async function count(text: string): Promise<number> {
    const client = await local.connect();
    const { rows } = await client.query("select count(*)::int as n from notes where text = $1", [
      text,
    ]);
    return rows[0].n;
  }

  it("reads and writes at once, though all of its connections were cut", async () => {
    const { process, toWriter, toReader } = await throughRelays();
    await process.frozenDuring(async () => {
      expect(toWriter.cut()).toBeGreaterThan(0);
      expect(toReader.cut()).toBeGreaterThan(0);
    });
    await works(process);
  });

  it("writes once, though what it sends on its connections reaches nobody any more", async () => {
    const { process, toWriter, toReader } = await throughRelays();
    await process.frozenDuring(async () => {
      toWriter.mute();
      toReader.mute();
    });
    const text = newMark();
    expect(await process.rows(insert, [text])).toEqual([{ server: "writer" }]);
    expect(await count(text)).toBe(1);
    await works(process);
  }, 60_000);

  it("sees in a session what the session has written, though readers are behind", async () => {
    const { process, toReader } = await throughRelays();
    const text = newMark();
    await paused(local.cluster, async () => {
      await process.do({ do: "session", name: "one" });
      await process.rows(insert, [text], "one");
      await process.frozenDuring(async () => {
        toReader.cut();
      });
      for (let n = 0; n < 5; n++) {
        const rows = await process.rows("select text from notes where text = $1", [text], "one");
        expect(rows).toEqual([{ text }]);
      }
    });
    expect(await process.do({ do: "uncaught" })).toEqual([]);
  });

  it("sees by its token what another process has written meanwhile, though readers are behind", async () => {
    const { process } = await throughRelays();
    const text = newMark();
    await paused(local.cluster, async () => {
      const token = await process.frozenDuring(async () => {
        const pool = local.pool();
        return pool.session(async (session) => {
          await pool.query(insert, [text]);
          return session.token;
        });
      });
      expect(token).toBeTypeOf("string");
      await process.do({ do: "session", name: "two", after: token as string });
      const rows = await process.rows("select text from notes where text = $1", [text], "two");
      expect(rows).toEqual([{ text }]);
    });
  });

  it("never says of a write that was under way that it is undone when it is not", async () => {
    const { process, toWriter } = await throughRelays();
    const text = newMark();
    const writing = process
      .rows(`with w as (${insert}) select server, pg_sleep(0.3) from w`, [text])
      .then(
        () => "answered",
        ({ code }: { code?: string }) => code,
      );
    const admin = await local.connect();
    await until("it runs", async () => {
      const { rowCount } = await admin.query(
        "select from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'",
      );
      return rowCount === 1;
    });
    await process.frozenDuring(async () => {
      await until("it is committed", async () => (await count(text)) === 1);
      toWriter.cut();
    });
    expect(["answered", "WRITE_OUTCOME_UNKNOWN"]).toContain(await writing);
    expect(await count(text)).toBe(1);
    await works(process);
  });
});

describe("R33: a process that was frozen while the world changed", () => {
  let cluster: Cluster;
  const name = (server: Server | undefined) => (server as Server).name;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 2, iam: true });
    const pool = createPool({ writer: cluster.servers[0]?.direct.url });
    await pool.query("create table notes (text text)");
    await pool.query("grant all on notes to public");
    await pool.end();
    await cluster.waitForReplay();
  });
  afterAll(() => cluster.stop());
  afterEach(() => cluster.iam?.skewClock(0));

  it("writes to the new writer, after another server was promoted", async () => {
    const process = await start({ writer: cluster.writer.url, reader: cluster.reader.url });
    expect((await process.rows(where))[0]?.["server"]).toMatch(/^reader/);
    await works(process);
    const promoted = cluster.readers[0] as Reader;
    await process.frozenDuring(() => cluster.promote(promoted));
    await works(process, name(promoted));
    await until("reads are on a reader again", async () => {
      const [row] = await process.rows(where);
      return row?.["server"] !== name(promoted);
    });
    expect(await process.do({ do: "uncaught" })).toEqual([]);
  }, 60_000);

  it("makes a new token, after its token has expired and its connections were cut", async () => {
    const { iam } = cluster;
    const options = { writer: iam?.writer.url, reader: iam?.reader.url, iam: true };
    const process = await start(options, { ...iam?.environment });
    const writer = cluster.servers.find(({ role }) => role === "writer");
    await works(process, name(writer));
    const before = iam?.seen.distinctTokens ?? 0;
    const twentyMinutes = 20 * 60_000;
    await process.frozenDuring(async () => {
      iam?.skewClock(twentyMinutes);
      for (const { direct } of cluster.servers) {
        const one = createPool({ writer: direct.url, max: 1 });
        await one.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
        );
        await one.end();
      }
    });
    await process.do({ do: "advance clock", millis: twentyMinutes });
    await works(process, name(writer));
    expect(iam?.seen.distinctTokens).toBeGreaterThan(before);
  });
});
