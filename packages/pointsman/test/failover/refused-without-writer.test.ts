import { type Cluster, startCluster } from "@pointsman/local";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { createPool, type Pool, type RoutedClient } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { failSubmittable } from "../../src/servers/query-input.ts";
import { replayable } from "../../src/servers/replayable.ts";
import { until } from "../support/until.ts";
import { rejection } from "../support/waiting.ts";

// A cursor that a reader refuses moves to the writer. Where there is none, its way back to the
// reader's connection is cut: somebody else uses that by then.

let cluster: Cluster;
let pool: Pool;
let view = 0;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});

afterAll(() => cluster?.stop());

beforeEach(async () => {
  view += 1;
  const owner = createPool({ writer: cluster.writer.url });
  await owner.query("create sequence if not exists tickets");
  await owner.query(
    `create view next_ticket_${view} as select nextval('tickets') from generate_series(1, 5)`,
  );
  await owner.end();
  await cluster.waitForReplay();
  pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    readerPool: { max: 1 },
    failoverTimeout: "1s",
    consistency: "eventual",
    catalog: false,
  });
  await pool.query("select setval('tickets', 1)");
  cluster.writer.refuse();
  cluster.writer.reset();
  await pool.query("select 1");
});

afterEach(async () => {
  await pool.end();
  await cluster.writer.heal();
});

/** Sends a stream that fails; the pool rejects besides. */
const failing = (stream: QueryStream, client: RoutedClient | undefined): unknown =>
  client?.query(stream) ?? rejection(pool.query(stream) as unknown as Promise<unknown>);

/** What a reader refuses once it runs. */
const refused = () => `select * from next_ticket_${view}`;

test("whoever uses the connection next gets all of its rows, whatever the refused cursor does", async () => {
  const [one, two] = [await pool.connect(), await pool.connect()];
  const cursor = one.query(new Cursor(refused()));
  const first = rejection(cursor.read(1));
  // The connection is handed on at the moment of the refusal, and is in use while the cursor fails.
  const other = two.query(new Cursor("select n from generate_series(1, 5) as n", []));
  expect(await first).toMatchObject({ code: "WRITER_UNAVAILABLE" });
  await rejection(cursor.read(1));
  await cursor.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await other.read(10)).toHaveLength(5);
  await other.close();
  one.release();
  two.release();
  const { rows: after } = await pool.query("select 'still here' as text");
  expect(after).toEqual([{ text: "still here" }]);
  expect(pool.stats().reader).toMatchObject({ total: 1, waiting: 0 });
});

describe("a refused cursor hears that there is no writer, and can be closed", () => {
  test.each<[string, (cursor: Cursor<object>) => Promise<unknown>]>([
    ["with a promise", (cursor) => cursor.close()],
    [
      "with a callback",
      (cursor) =>
        new Promise((resolve) => (cursor.close as (done: unknown) => void).call(cursor, resolve)),
    ],
  ])("afterwards, %s", async (_how, close) => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor(refused()));
    expect(await rejection(cursor.read(1))).toMatchObject({ code: "WRITER_UNAVAILABLE" });
    await close(cursor);
    client.release();
  });

  test("while the writer is looked for", async () => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor(refused()));
    const read = rejection(cursor.read(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = cursor.close();
    expect(await read).toMatchObject({ code: "WRITER_UNAVAILABLE" });
    await closed;
    client.release();
  });

  test.each(["the pool", "a client"])("so does a stream on %s", async (where) => {
    const client = where === "a client" ? await pool.connect() : undefined;
    const stream = new QueryStream(refused(), []);
    const answer = failing(stream, client);
    const heard = await rejection(stream.toArray());
    expect(heard).toMatchObject({ code: "WRITER_UNAVAILABLE" });
    await answer;
    client?.release();
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });
});

test("what a cursor asks for before it has moved is asked of the writer", async () => {
  const client = await pool.connect();
  const cursor = client.query(new Cursor(refused()));
  const rows = cursor.read(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closed = cursor.close();
  await cluster.writer.heal();
  expect(await rows).toHaveLength(2);
  await closed;
  client.release();
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

describe("a stream that is refused while its deadline runs", () => {
  test.each(["the pool", "a client"])("moves, and has its time anew, on %s", async (where) => {
    const patient = createPool({
      writer: cluster.writer.url,
      reader: cluster.reader.url,
      consistency: "eventual",
      catalog: false,
    });
    try {
      await cluster.writer.heal();
      await patient.query("select setval('tickets', 1)");
      cluster.writer.refuse();
      cluster.writer.reset();
      const client = where === "a client" ? await patient.connect() : undefined;
      const stream = Object.assign(new QueryStream(refused(), []), { query_timeout: 150 });
      const answer: unknown = (client ?? patient).query(stream);
      const rows = stream.toArray();
      await new Promise((resolve) => setTimeout(resolve, 400));
      await cluster.writer.heal();
      expect(await rows).toHaveLength(5);
      await answer;
      client?.release();
      const { rows: tickets } = await patient.query({
        text: "select last_value from tickets",
        target: "writer",
      });
      // Once: readers see sequences ahead of what was taken from them.
      expect(tickets).toEqual([{ last_value: "6" }]);
      await until("all connections are back", () => {
        const { total, idle } = patient.stats().writer;
        return total === idle;
      });
    } finally {
      await patient.end();
    }
  });
});

describe("what the writer refuses as well", () => {
  const setReadOnly = async (value: string) => {
    const owner = createPool({ writer: cluster.servers[0].url });
    await owner.query(`alter system set default_transaction_read_only = ${value}`);
    await owner.query("select pg_reload_conf()");
    await owner.end();
  };

  beforeEach(() => cluster.writer.heal());
  afterEach(() => setReadOnly("off"));

  test.each(["the pool", "a client"])("is heard by a stream on %s", async (where) => {
    await pool.query("select setval('tickets', 1)");
    await setReadOnly("on");
    await until("it is so", async () => {
      const { rows } = await pool.writer.query("show default_transaction_read_only");
      return rows[0].default_transaction_read_only === "on";
    });
    const client = where === "a client" ? await pool.connect() : undefined;
    const stream = new QueryStream(refused(), []);
    const answer = failing(stream, client);
    expect(await rejection(stream.toArray())).toMatchObject({ code: "25006" });
    await answer;
    client?.release();
    await until("all connections are back", () => {
      const { total, idle } = pool.stats().writer;
      return total === idle;
    });
    expect(pool.stats().refusals).toBe(1);
  });
});

test("a cursor that was never sent hears of a refusal as of any error", async () => {
  const cursor = new Cursor("select 1");
  const read = rejection(cursor.read(1));
  const refusal = Object.assign(new Error("cannot execute nextval() in a read-only transaction"), {
    code: "25006",
    routine: "PreventCommandIfReadOnly",
  });
  failSubmittable(
    replayable(cursor, () => {}),
    refusal,
  );
  expect(await read).toBe(refusal);
});
