import { setTimeout as delay } from "node:timers/promises";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { Pool } from "pointsman";
import { expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { here, localCluster } from "../support/local-cluster.ts";
import { paused } from "./paused.ts";

const local = localCluster({ readers: 1, schema: "create table books (id int primary key)" });

const text = `select id, ${here} as server from books order by id`;

async function streamed(query: (stream: QueryStream) => unknown): Promise<unknown[]> {
  const stream = new QueryStream(text);
  Promise.resolve(query(stream)).catch(() => {});
  const rows: unknown[] = [];
  for await (const row of stream) rows.push(row);
  return rows;
}

const ways: Readonly<Record<string, (pool: Pool) => Promise<unknown[]>>> = {
  "a stream of the pool": (pool) => streamed((stream) => pool.query(stream)),
  "a stream of a client": async (pool) => {
    const client = await pool.connect();
    try {
      return await streamed((stream) => client.query(stream));
    } finally {
      client.release();
    }
  },
  "a cursor": async (pool) => {
    const client = await pool.connect();
    try {
      return await client.query(new Cursor(text)).read(10);
    } finally {
      client.release();
    }
  },
  "a read with a signal": async (pool) => {
    const { signal } = new AbortController();
    return (await pool.query({ text, signal })).rows;
  },
  "a transaction that only reads": (pool) =>
    pool.transaction(async (tx) => (await tx.query(text)).rows, { readOnly: true }),
};

it.each(Object.entries(ways))(
  "%s goes elsewhere when its reader is lost while it is asked how far it is",
  async (_name, read) => {
    const relay = new CuttableRelay(local.cluster.reader);
    await relay.open();
    onTestFinished(() => relay.close(), 1000);
    const pool = local.pool({ reader: relay.url(local.cluster.reader.url) });
    await pool.query("select 1");
    await pool.query("truncate books");
    await paused(local.cluster, async () => {
      await pool.query("insert into books values (1)");
      // The question reaches nobody, and then its connection is broken.
      relay.mute();
      const rows = read(pool);
      await delay(100);
      expect(relay.cut()).toBeGreaterThan(0);
      expect(await rows).toEqual([{ id: 1, server: "writer" }]);
    });
  },
);
