import { type PoolOptions, type RoutedClient, withWriter } from "pointsman";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { connected, ownOptions } from "../pg-module/clients.ts";
import { here, localCluster } from "../support/local-cluster.ts";
import { ranDuring } from "../support/ran-during.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({ readers: 1, schema: "create table lines (line text)" });

beforeEach(() => local.cluster.waitForReplay());

const declare = "set transaction read only";
const where = `select ${here} as server`;

async function taken(options: PoolOptions = {}): Promise<RoutedClient> {
  const client = await local.pool(options).connect();
  let isOut = true;
  const { release } = client;
  client.release = (error) => {
    isOut = false;
    release(error);
  };
  onTestFinished(() => {
    if (isOut) client.release();
  });
  return client;
}

interface Queryable {
  query(text: string): Promise<{ rows: unknown[] }>;
}

/** Sends statements one after another, and tells what the last one has answered. */
async function last(client: Queryable, ...texts: string[]): Promise<unknown> {
  let row: unknown;
  for (const text of texts) [row] = (await client.query(text)).rows;
  return row;
}

describe("a transaction that is declared READ ONLY behind its BEGIN", () => {
  it("runs on a reader", async () => {
    const client = await taken();
    const { ran } = await ranDuring(local.cluster, async () => {
      await client.query("begin");
      expect(await client.query(declare)).toMatchObject({ command: "SET", rows: [] });
      expect(await last(client, where)).toEqual({ server: "reader1" });
      await client.query("commit");
    });
    expect(ran).toEqual({
      writer: ["begin", "ROLLBACK"],
      readers: ["BEGIN READ ONLY", where, "commit"],
    });
  });

  it("keeps what else it was told to be", async () => {
    const client = await taken();
    const level = "set transaction isolation level repeatable read";
    const shown = await last(client, "begin", level, declare, "show transaction_isolation");
    expect(shown).toEqual({ transaction_isolation: "repeatable read" });
    expect(await last(client, where)).toEqual({ server: "reader1" });
    expect((await rejection(client.query("insert into lines values ('a')"))).code).toBe("25006");
    await client.query("rollback");
  });

  it("is told by all in one statement, and by the setting", async () => {
    const client = await taken();
    for (const text of [
      "set transaction isolation level repeatable read, read only",
      "set transaction_read_only = on",
      "set local transaction_read_only to true",
    ]) {
      expect(await last(client, "begin", text, where), text).toEqual({ server: "reader1" });
      await client.query("commit");
    }
  });

  it("may be sent in one go", async () => {
    const client = await taken();
    const texts = ["begin", declare, where, "commit", "insert into lines values ('b')"];
    const answers = await Promise.all(texts.map((text) => client.query(text)));
    expect(answers[2]?.rows).toEqual([{ server: "reader1" }]);
    expect(answers.map(({ command }) => command)).toEqual([
      "BEGIN",
      "SET",
      "SELECT",
      "COMMIT",
      "INSERT",
    ]);
  });

  it("sees what was written before it, while readers lag", async () => {
    const pool = local.pool();
    await local.cluster.lag(300);
    onTestFinished(() => local.cluster.lag(0));
    for (let turn = 0; turn < 3; turn++) {
      await pool.query("insert into lines values ($1)", [`turn ${turn}`]);
      const client = await pool.connect();
      const count = `select count(*)::int as n from lines where line = 'turn ${turn}'`;
      expect(await last(client, "begin", declare, count)).toEqual({ n: 1 });
      await client.query("commit");
      client.release();
    }
  });

  it("runs on a reader inside pool.transaction(), too", async () => {
    const pool = local.pool();
    const there = await pool.transaction((tx) => last(tx, declare, where));
    expect(there).toEqual({ server: "reader1" });
    const { rows } = await pool.transaction(async (tx) => {
      await tx.query(declare);
      return pool.query(where);
    });
    expect(rows).toEqual([{ server: "reader1" }]);
  });

  it("runs on a reader on a Client of the module, too", async () => {
    const client = await connected(ownOptions(local));
    expect(await last(client, "begin", declare, where)).toEqual({ server: "reader1" });
    await client.query("commit");
  });
});

describe("stays on the writer", () => {
  it.each([
    ["what has read already", ["begin", "select 1", declare]],
    ["what has a savepoint", ["begin", "savepoint a", declare]],
    ["a client that has written", ["insert into lines values ('c')", "begin", declare]],
    ["a serializable one", ["begin", "set transaction isolation level serializable", declare]],
    ["a deferrable one", ["begin", "set transaction deferrable", declare]],
    ["what was asked for READ WRITE", ["begin read write", declare]],
    ["one whose BEGIN asks for the writer", ["/* pointsman:writer */ begin", declare]],
  ])("%s", async (_name, texts) => {
    const client = await taken();
    expect(await last(client, ...texts, where)).toEqual({ server: "writer" });
    await client.query("rollback");
  });

  it("all, by option", async () => {
    const client = await taken({ readOnlyTransactions: "writer" });
    expect(await last(client, "begin", declare, where)).toEqual({ server: "writer" });
    await client.query("commit");
  });

  it("one inside withWriter()", async () => {
    const client = await taken();
    const server = await withWriter(() => last(client, "begin", declare, where));
    expect(server).toEqual({ server: "writer" });
    await client.query("commit");
  });
});

it("what was not opened on a reader runs nothing outside of it", async () => {
  const reader = new URL(local.cluster.reader.url);
  reader.port = "1";
  const client = await taken({ reader: reader.href, readerFallback: "error" });
  await client.query("begin");
  expect((await rejection(client.query(declare))).code).toBe("READER_UNAVAILABLE");
  const insert = "insert into lines values ('outside')";
  expect((await rejection(client.query(insert))).code).toBe("TRANSACTION_LOST");
  client.release();
  const { rows } = await (await local.connect()).query("select from lines where line = 'outside'");
  expect(rows).toEqual([]);
});
