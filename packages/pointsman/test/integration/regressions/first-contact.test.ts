import { AsyncLocalStorage } from "node:async_hooks";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { startCluster } from "@pointsman/local";
import { Client, type QueryConfig } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster, newMark } from "../../support/local-cluster.ts";
import { runProgram } from "../../support/run-program.ts";
import { rejection } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create sequence tickets;
    create view ticket as select nextval('tickets') as n;
    create view broken as select 1 / (nextval('tickets') - nextval('tickets') + 1) as n;`,
});

/** The URL of a server that accepts connections and never says anything. */
async function silent(accepted: () => void = () => {}): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    accepted();
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(local.cluster.writer.url);
  url.port = String((server.address() as AddressInfo).port);
  return url.href;
}

describe("a writer that is silent", () => {
  it.each(["idle", "end"])("does not keep a process alive that only reads: %s", async (how) => {
    const started = performance.now();
    const { status, stdout, stderr } = await runProgram(
      "writer-is-silent",
      await silent(),
      local.cluster.reader.url,
      how,
    );
    expect([status, stdout, stderr]).toEqual([0, "reader1\n", ""]);
    expect(performance.now() - started).toBeLessThan(4_500);
  });

  it("does not hold up reads behind the first", async () => {
    const pool = local.pool({ writer: await silent(), readerPool: { max: 2 } });
    await pool.query("select 1");
    const started = performance.now();
    await Promise.all([pool.query("select pg_sleep(0.1)"), pool.query("select pg_sleep(0.1)")]);
    expect(performance.now() - started).toBeLessThan(700);
  });

  it("is waited for once by a transaction that cannot begin", async () => {
    let connections = 0;
    const writer = await silent(() => {
      connections += 1;
    });
    const pool = local.pool({ writer, connectionTimeoutMillis: 200 });
    const error = await rejection(pool.transaction(async () => {}));
    expect([error.message, connections]).toEqual(["timeout exceeded when trying to connect", 1]);
  });
});

it("a reader of another cluster answers no read, not even the first", async () => {
  const other = await startCluster({ readers: 1 });
  onTestFinished(() => other.stop());
  const pool = local.pool({ reader: other.reader.url });
  for (let n = 0; n < 3; n += 1) {
    expect(await rejection(pool.query(`select ${here} as server`))).toMatchObject({
      code: "READER_OF_ANOTHER_CLUSTER",
    });
  }
});

it("waitingCount counts those who wait for a client, and those who wait for the writer", async () => {
  const pool = local.pool({ max: 1 });
  const held = await pool.connect();
  const waiting = [pool.connect(), pool.connect()];
  expect(pool.waitingCount).toBe(2);
  await held.query("begin");
  const query = pool.query("update pg_settings set setting = setting where false");
  expect(pool.waitingCount).toBe(3);
  await held.query("rollback");
  held.release();
  await query;
  for (const client of waiting) (await client).release();
  expect(pool.waitingCount).toBe(0);
});

describe("R6: a COPY stream that a reader refuses", () => {
  const read = async (pool: ReturnType<typeof local.pool>, sql: string) => {
    const client = await pool.connect();
    try {
      const stream = client.query(copyTo(sql));
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    } finally {
      client.release();
    }
  };

  it("is remembered before its caller hears of it, and once the writer has accepted it", async () => {
    const pool = local.pool({ catalog: false });
    const mark = newMark();
    const sql = `copy (select n ${mark} from ticket) to stdout`;
    expect(await rejection(read(pool, sql))).toMatchObject({ code: "25006" });
    expect(pool.stats().refusedTexts).toBe(0);
    expect(await read(pool, sql)).toMatch(/^\d+\n$/);
    expect(pool.stats().refusedTexts).toBe(1);
    expect(await read(pool, sql)).toMatch(/^\d+\n$/);
    expect(local.runs(mark)).toMatchObject({ writer: 2, reader1: 1 });
  });

  it("is not remembered when the writer fails it too", async () => {
    const pool = local.pool({ catalog: false });
    const sql = "copy (select n from broken) to stdout";
    expect(await rejection(read(pool, sql))).toMatchObject({ code: "25006" });
    expect(await rejection(read(pool, sql))).toMatchObject({ code: "22012" });
    expect(pool.stats().refusedTexts).toBe(0);
  });
});

it("a field of a query's config that only the application's own client knows reaches it", async () => {
  const labels: unknown[] = [];
  class Labelled extends Client {
    override query(...args: unknown[]): never {
      const [query] = args as [QueryConfig & { label?: string }];
      if (typeof query === "object") labels.push(query.label);
      return (super.query as (...args: unknown[]) => unknown)(...args) as never;
    }
  }
  const pool = local.pool({ Client: Labelled as typeof Client });
  const query = { text: "select 1", label: "mine" };
  await pool.query(query);
  const client = await pool.connect();
  await client.query(query);
  client.release();
  expect(labels.filter((label) => label !== undefined)).toEqual(["mine", "mine"]);
});

it("R3: a notice reaches its listener in the context of whoever uses the client", async () => {
  const storage = new AsyncLocalStorage<string>();
  const pool = local.pool({ max: 1 });
  const raise = "do $$ begin raise notice 'hello'; end $$";
  await storage.run("opener", () => pool.query(raise));
  const seen: unknown[] = [];
  await storage.run("mine", async () => {
    const client = await pool.connect();
    client.on("notice", () => seen.push(storage.getStore()));
    await client.query(raise);
    client.release();
  });
  expect(seen).toEqual(["mine"]);
});
