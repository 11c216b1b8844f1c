import { createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, onTestFinished, test } from "vitest";
import { readPool } from "../../src/monitoring/pool-meter.ts";
import { localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({ readers: 1, schema: "create table books (id int, title text)" });

type Waits = Record<string, number>;

/** What is told of one metric, by role. */
function told(pool: Pool, metric: "connectionsWaiting" | "connectionTimeouts"): Waits {
  const readings = readPool(pool).filter((reading) => reading.metric === metric);
  return Object.fromEntries(readings.map(({ labels, value }) => [labels.role, value]));
}

/** Gives clients back when the test is over, so that the pool can end. */
function giveBackLater(clients: readonly { release(): void }[]): void {
  onTestFinished(() => {
    for (const client of clients) client.release();
  }, 1000);
}

const taken = (pool: Pool, count: number) =>
  Promise.all(Array.from({ length: count }, () => pool.connect()));

/** A server that lets everybody in and says nothing. */
async function silentServer(): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return urlAt(port);
}

/** The cluster's database where the cluster is not. */
function urlAt(port: number): string {
  const url = new URL(local.cluster.writer.url);
  url.host = `127.0.0.1:${port}`;
  return url.href;
}

const short = { max: 2, connectionTimeoutMillis: 1500 } as const;

describe("who waits for a client of connect(), with readers", () => {
  test("is counted, once, while the sides have connections to spare", async () => {
    const pool = local.pool({ max: 2 });
    await pool.query("select title from books");
    const holders = await taken(pool, 2);
    const clients = [1, 2, 3].map(() => pool.connect());
    const transactions = [1, 2].map(() => pool.transaction((tx) => tx.query("select 1")));
    await turn();
    expect(told(pool, "connectionsWaiting")).toEqual({ writer: 0, reader: 0, client: 5 });
    for (const holder of holders) holder.release();
    for (const client of clients) (await client).release();
    await Promise.all(transactions);
    expect(told(pool, "connectionsWaiting")).toEqual({ writer: 0, reader: 0, client: 0 });
  });

  test("is counted, once, when its time is up", async () => {
    const pool = local.pool(short);
    giveBackLater(await taken(pool, 2));
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 0, reader: 0, client: 0 });
    const errors = await Promise.all([
      rejection(pool.connect()),
      rejection(pool.transaction((tx) => tx.query("select 1"))),
      new Promise<Error | undefined>((resolve) => pool.connect(resolve)),
    ]);
    for (const error of errors) expect(error?.message).toMatch(/timeout exceeded/);
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 0, reader: 0, client: 3 });
  });

  test("and has one is counted where its statement waits for a connection", async () => {
    const pool = local.pool(short);
    giveBackLater(await Promise.all([1, 2].map(() => pool.writer.connect())));
    const client = await pool.connect();
    const late = rejection(client.query("delete from books"));
    await turn();
    expect(told(pool, "connectionsWaiting")).toEqual({ writer: 1, reader: 0, client: 0 });
    await late;
    client.release();
    await rejection(pool.transaction((tx) => tx.query("delete from books")));
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 2, reader: 0, client: 0 });
  });
});

describe("who gets no connection in time", () => {
  test("is counted for the side that has none, also who takes it by hand", async () => {
    const pool = local.pool(short);
    giveBackLater(
      await Promise.all([pool.writer, pool.writer, pool.reader].map((side) => side.connect())),
    );
    giveBackLater([await pool.reader.connect()]);
    await Promise.all([
      rejection(pool.writer.connect()),
      rejection(pool.writer.query("select 1")),
      rejection(pool.reader.query("select 1")),
      rejection(pool.query({ text: "select 1", target: "writer" })),
      rejection(pool.query("select 1")),
    ]);
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 3, reader: 2, client: 0 });
  });

  test("is counted for the writer with one server, which has all connections", async () => {
    const pool = local.pool({ ...short, reader: undefined });
    giveBackLater(await taken(pool, 2));
    await Promise.all([
      rejection(pool.connect()),
      rejection(pool.query("select title from books")),
      rejection(pool.query("delete from books")),
    ]);
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 3 });
    const { writer, clients } = pool.stats();
    expect([writer.timeouts, clients.timeouts]).toEqual([3, 3]);
  });

  const silent: readonly [string, (url: string) => PoolOptions, Waits][] = [
    ["one server", (writer) => ({ writer, reader: undefined }), { writer: 1 }],
    ["readers", (writer) => ({ writer }), { writer: 1, reader: 0, client: 0 }],
  ];
  test.each(silent)("is counted when it was still being opened, with %s", async (_, at, counts) => {
    const pool = local.pool({ ...short, ...at(await silentServer()) });
    pool.on("error", () => {});
    const error = await rejection(pool.query("delete from books"));
    expect(error.message).toBe("Connection terminated due to connection timeout");
    expect(told(pool, "connectionTimeouts")).toEqual(counts);
  });

  test("is not counted when a server says the same words", async () => {
    const pool = local.pool();
    const words = "timeout exceeded when trying to connect";
    const error = await rejection(pool.query(`do $$ begin raise '${words}'; end $$`));
    expect(error.message).toBe(words);
    expect(told(pool, "connectionTimeouts")).toEqual({ writer: 0, reader: 0, client: 0 });
  });
});

test("who waits for one of the writer's connections that reads may have is counted", async () => {
  const pool = local.pool({ max: 3, readerFallbackMax: 1, reader: urlAt(1) });
  await pool.query("select 1");
  const reads = Array.from({ length: 3 }, () => pool.query("select pg_sleep(0.2)"));
  await turn();
  expect(told(pool, "connectionsWaiting")).toEqual({ writer: 2, reader: 0, client: 0 });
  await Promise.all(reads);
  expect(told(pool, "connectionsWaiting")).toEqual({ writer: 0, reader: 0, client: 0 });
});
