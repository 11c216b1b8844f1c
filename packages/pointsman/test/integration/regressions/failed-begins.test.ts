import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { PoolOptions, RoutedClient } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../../support/local-cluster.ts";
import { rejection } from "../../support/waiting.ts";

const local = localCluster({ readers: 1 });

/** A pool of two places, on which no transaction can be opened that may write. */
const pools: Readonly<Record<string, () => PoolOptions>> = {
  "whose writer is out": () => {
    const writer = new URL(local.cluster.writer.url);
    writer.port = "1";
    return { writer: writer.href, failoverTimeout: 1 };
  },
  "which is read-only": () => ({ readOnly: true }),
};

describe.each(Object.entries(pools))("of a pool %s", (_name, options) => {
  const open = () => local.pool({ ...options(), max: 2, connectionTimeoutMillis: 5_000 });

  it("a client on which BEGIN fails leaves its place to others", async () => {
    const pool = open();
    const kept: RoutedClient[] = [];
    for (let n = 0; n < 4; n++) {
      const client = await pool.connect();
      await rejection(client.query("begin read write"));
      kept.push(client);
    }
    const others = [await pool.connect(), await pool.connect()];
    expect(pool.stats().clients).toMatchObject({ total: 2, waiting: 0 });
    for (const client of [...kept, ...others]) client.release();
    const next = await pool.connect();
    expect(others).toContain(next);
    next.release();
    expect(() => kept[0]?.release()).toThrow("already been released");
  });

  it("reads go on when Drizzle has kept what it could not open transactions on", async () => {
    const pool = open();
    const db = drizzle(pool);
    for (let n = 0; n < 4; n++) {
      await rejection(db.transaction(async () => {}, { accessMode: "read write" }));
    }
    const reading = db.transaction((tx) => tx.execute(sql`select 1 as n`), {
      accessMode: "read only",
    });
    expect((await reading).rows).toEqual([{ n: 1 }]);
    await pool.end();
  });
});

it("a client on which BEGIN fails behind its release is handed out again", async () => {
  const pool = local.pool({ max: 1 });
  const client = await pool.connect();
  const failed = rejection(client.query("begin isolation level nowhere"));
  client.release();
  const next = await pool.connect();
  await failed;
  expect((await next.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
  expect(pool.stats().clients).toMatchObject({ total: 1 });
  next.release();
});
