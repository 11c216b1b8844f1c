import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 2,
  schema: "create table books (id int primary key, title text, stock int default 0)",
});

let id = 0;
async function aBook(pool: Pool): Promise<number> {
  id += 1;
  await pool.query("insert into books (id, title) values ($1, 'Kindred')", [id]);
  return id;
}

const stock = (pool: Pool, book: number) =>
  pool
    .query(`select stock, ${here} as server from books where id = $1`, [book])
    .then(({ rows }) => rows[0] as { stock: number; server: string } | undefined);

describe("a write through the pool", () => {
  it("is seen by the next read, though no reader has replayed it", async () => {
    const pool = local.pool();
    await pool.query("select 1");
    await local.cluster.pauseReplay();
    try {
      const book = await aBook(pool);
      expect(await stock(pool, book)).toEqual({ stock: 0, server: "writer" });
      expect(pool.stats().reasons["reader-behind"]).toBe(1);
    } finally {
      await local.cluster.resumeReplay();
    }
  });

  it("is read on a reader once that has replayed it", async () => {
    const pool = local.pool();
    const book = await aBook(pool);
    await local.cluster.waitForReplay();
    expect((await stock(pool, book))?.server).toMatch(/^reader/);
  });

  it("makes reads under way go to the writer until its position is known", async () => {
    const pool = local.pool();
    await pool.query("select 1");
    const written = aBook(pool);
    const mark = newMark();
    const read = pool.query(`${mark} select ${here} as server`);
    await Promise.all([written, read]);
    expect((await read).rows).toEqual([{ server: "writer" }]);
    expect(pool.stats().reasons["write-pending"]).toBe(1);
  });

  it("is seen in a READ ONLY transaction behind it", async () => {
    const pool = local.pool();
    await pool.query("select 1");
    await local.cluster.lag(100);
    try {
      for (let n = 0; n < 5; n++) {
        const book = await aBook(pool);
        const seen = await pool.transaction(
          (tx) => tx.query("select id from books where id = $1", [book]),
          {
            readOnly: true,
            isolationLevel: "repeatable read",
          },
        );
        expect(seen.rowCount).toBe(1);
      }
    } finally {
      await local.cluster.lag(0);
    }
  });
});

it("reads that look for a reader that has what they must see are answered, though the pool ends", async () => {
  const pool = local.pool({ freshness: { wait: 200 } });
  await pool.query("select 1");
  await paused(local.cluster, async () => {
    const book = await aBook(pool);
    const reads = [stock(pool, book), stock(pool, book), stock(pool, book)];
    await Promise.resolve();
    const ended = pool.end();
    const answers = await Promise.all(reads);
    await ended;
    expect(answers).toEqual(Array(3).fill({ stock: 0, server: "writer" }));
  });
});

it("costs no flight: a write is one, a guarded read is one, a plain read is one", async () => {
  const { cluster } = local;
  const pool = local.pool({ readers: [cluster.readers[0]?.url ?? ""] });
  const book = await aBook(pool);
  await cluster.waitForReplay();
  await stock(pool, book);
  const flights = () => [cluster.writer.flights, cluster.readers[0]?.flights ?? 0];
  const differences: number[][] = [];
  const counted = async (work: () => Promise<unknown>) => {
    const before = flights();
    await work();
    differences.push(flights().map((now, at) => now - (before[at] ?? 0)));
  };
  await counted(() => pool.query("update books set stock = stock + 1 where id = $1", [book]));
  await cluster.waitForReplay();
  await counted(() => stock(pool, book));
  await counted(() => stock(pool, book));
  expect(differences).toEqual([
    [1, 0],
    [0, 1],
    [0, 1],
  ]);
});
