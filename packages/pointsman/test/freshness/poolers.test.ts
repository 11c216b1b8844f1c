import { createPool, type Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { PoolerRelay } from "../support/pooler-relay.ts";
import { warningsOf } from "../support/warnings.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 2,
  schema: "create table books (id serial primary key, title text)",
});

const look = `select ${here} as server, (select count(*)::int from books) as books`;

/** A pool whose reader is a pooler in front of both readers. */
async function behindPooler(): Promise<Pool> {
  const { writer, readers } = local.cluster;
  const relay = new PoolerRelay(readers.map(({ port }) => port));
  const url = new URL(writer.url);
  url.port = String(await relay.open());
  const pool = createPool({ writer: writer.url, reader: url.href });
  onTestFinished(async () => {
    await pool.end();
    await relay.close();
  });
  return pool;
}

const seen = async (pool: Pool): Promise<{ server: string; books: number }> =>
  (await pool.query(look)).rows[0];

describe("R31: behind a pooler", () => {
  it("reads that must see a write go to the writer, and others do not", async () => {
    const pool = await behindPooler();
    expect((await seen(pool)).server).toMatch(/^reader/);
    const { books } = await seen(pool);
    await paused(local.cluster, async () => {
      await pool.query("insert into books (title) values ('a')");
      const reads = await Promise.all(Array.from({ length: 20 }, () => seen(pool)));
      expect(reads).toEqual(Array(20).fill({ server: "writer", books: books + 1 }));
      const old = { text: look, consistency: "eventual" as const };
      expect((await pool.query(old)).rows[0].server).toMatch(/^reader/);
    });
  });

  it("a session reads from the writer: the next answer might be older than the last", async () => {
    const pool = await behindPooler();
    await seen(pool);
    const servers = await pool.session(async () => {
      const reads = [];
      for (let n = 0; n < 5; n++) reads.push((await seen(pool)).server);
      return reads;
    });
    expect(servers).toEqual(Array(5).fill("writer"));
  });

  it("a warning says so, once", async () => {
    const pool = await behindPooler();
    const codes = await warningsOf(() => Promise.all(Array.from({ length: 5 }, () => seen(pool))));
    expect(codes).toEqual(["POINTSMAN_READER_POOLED"]);
  });

  it("a writer prepares nothing there, and readers are still shown to have what was written", async () => {
    const { writer, readers } = local.cluster;
    const relay = new PoolerRelay([writer.port]);
    const url = new URL(writer.url);
    url.port = String(await relay.open());
    const pool = createPool({
      writer: url.href,
      readers: readers.map(({ direct }) => direct.url),
      prepare: { after: 0 },
      max: 1,
    });
    onTestFinished(async () => {
      await pool.end();
      await relay.close();
    });
    const { books } = await seen(pool);
    for (let n = 1; n <= 3; n++) {
      await pool.query("insert into books (title) values ($1)", [`pooled ${n}`]);
      expect((await seen(pool)).books).toBe(books + n);
    }
    const { rows } = await pool.writer.query("select name from pg_prepared_statements");
    expect(rows).toEqual([]);
    await local.cluster.waitForReplay();
    expect((await seen(pool)).server).toMatch(/^reader/);
  });
});
