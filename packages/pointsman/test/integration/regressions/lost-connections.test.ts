import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../../support/cuttable-relay.ts";
import { kinds } from "../../support/kinds.ts";
import { here, localCluster, newMark } from "../../support/local-cluster.ts";
import { rejection } from "../../support/waiting.ts";

const local = localCluster({ readers: 1, schema: "create table lines (line text)" });

beforeAll(() => {
  process.on("warning", ignoreReaderWarning);
});
afterAll(() => {
  process.removeListener("warning", ignoreReaderWarning);
});
function ignoreReaderWarning(): void {}

describe.each(kinds)("a BEGIN READ ONLY that is lost on its way $kind", ({ options }) => {
  async function losing(): Promise<Pool> {
    const [reader] = local.cluster.readers;
    const target = "reader" in options ? local.cluster.writer : reader?.direct;
    const relay = new CuttableRelay(target as NonNullable<typeof target>, "begin read only");
    await relay.open();
    onTestFinished(() => relay.close());
    return "reader" in options
      ? local.pool({ ...options, writer: relay.url(local.cluster.writer.url), max: 1 })
      : local.pool({ reader: relay.url(reader?.direct.url ?? ""), max: 1 });
  }

  it("fails what waits behind it, which would run outside of it otherwise", async () => {
    const mark = newMark();
    const pool = await losing();
    const client = await pool.connect();
    await client.query("select 1");
    const errors = await Promise.all(
      [
        "begin read only",
        `${mark} select count(*) from lines`,
        `${mark} insert into lines values ('outside')`,
        "commit",
      ].map((text) => rejection(client.query(text))),
    );
    client.release();
    const { rows } = await pool.query("select 1 as n");
    expect({ failed: errors.length, reached: local.reached(mark), rows }).toEqual({
      failed: 4,
      reached: [],
      rows: [{ n: 1 }],
    });
  });
});

describe("a reader whose connections are lost while they are set up", () => {
  it("has its reads answered by the writer", async () => {
    const [reader] = local.cluster.readers;
    const relay = new CuttableRelay(reader?.direct as { host: string; port: number }, "pg_control");
    await relay.open();
    onTestFinished(() => relay.close());
    const pool = local.pool({ reader: relay.url(reader?.direct.url ?? "") });
    const { rows } = await pool.query(`select ${here} as server`);
    expect(rows).toEqual([{ server: "writer" }]);
  });
});

describe("a reader that accepts connections and stays silent", () => {
  const connectionTimeoutMillis = 500;
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  beforeAll(() => new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  const read = `select ${here} as server`;
  it.each<[string, (pool: Pool) => Promise<{ rows: unknown[] }>]>([
    ["pool.query", (pool) => pool.query(read)],
    [
      "client.query",
      async (pool) => {
        const client = await pool.connect();
        return client.query(read).finally(() => client.release());
      },
    ],
    ["transaction", (pool) => pool.transaction(async (tx) => tx.query(read), { readOnly: true })],
  ])("has its reads answered by the writer in time: %s", async (_name, run) => {
    const url = new URL(local.cluster.reader.url);
    url.port = String((silent.address() as AddressInfo).port);
    const pool = local.pool({ reader: url.href, max: 2, connectionTimeoutMillis });
    const started = performance.now();
    const { rows } = await run(pool);
    const took = performance.now() - started;
    expect(rows).toEqual([{ server: "writer" }]);
    expect(took).toBeLessThan(connectionTimeoutMillis);
  });

  it.each<[string, (pool: Pool) => Promise<unknown>]>([
    ["pool.query", (pool) => pool.query(read)],
    [
      "client.query",
      async (pool) => {
        const client = await pool.connect();
        return client.query(read).finally(() => client.release());
      },
    ],
  ])("R10: costs connectionTimeoutMillis once, when the writer is busy: %s", async (_name, run) => {
    const url = new URL(local.cluster.reader.url);
    url.port = String((silent.address() as AddressInfo).port);
    const pool = local.pool({
      reader: url.href,
      connectionTimeoutMillis,
      writerPool: { max: 2 },
      readerPool: { max: 2 },
    });
    const held = await Promise.all([pool.writer.connect(), pool.writer.connect()]);
    const started = performance.now();
    const error = await rejection(run(pool));
    const took = performance.now() - started;
    for (const client of held) client.release();
    expect((error as Error).message).toBe("timeout exceeded when trying to connect");
    expect(took).toBeGreaterThan(0.9 * connectionTimeoutMillis);
    expect(took).toBeLessThan(1.2 * connectionTimeoutMillis);
  });

  it("has all reads answered that wait for it", async () => {
    const url = new URL(local.cluster.reader.url);
    url.port = String((silent.address() as AddressInfo).port);
    const pool = local.pool({ reader: url.href, max: 2, connectionTimeoutMillis });
    const started = performance.now();
    const answers = await Promise.all(Array.from({ length: 8 }, () => pool.query(read)));
    const took = performance.now() - started;
    expect(answers.map(({ rows }) => rows[0].server)).toEqual(Array(8).fill("writer"));
    expect(took).toBeLessThan(connectionTimeoutMillis);
  });
});

it("a read of these tests reaches the reader", async () => {
  const { rows } = await local.pool().query(`select ${here} as server`);
  expect(rows).toEqual([{ server: "reader1" }]);
});
