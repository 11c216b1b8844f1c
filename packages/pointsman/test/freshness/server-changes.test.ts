import type { Cluster, Reader } from "@pointsman/local";
import type { Client } from "pg";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, it, vi } from "vitest";
import { here, type LocalCluster, localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { paused } from "./paused.ts";

// Servers are started several times in one test.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const makers = ["wal", "transaction-id"] as const;
type Maker = (typeof makers)[number];

const schema = "create table books (id serial primary key, title text)";

/** @returns the id of a new row */
async function write(pool: Pool): Promise<number> {
  const { rows } = await pool.query("insert into books (title) values ('Kindred') returning id");
  return rows[0].id;
}

/** Who has answered, and whether the row was there. */
async function read(pool: Pool, id: number, mark = ""): Promise<{ server: string; books: number }> {
  const text = `${mark} select ${here} as server, count(*)::int as books from books where id = $1`;
  return (await pool.query(text, [id])).rows[0];
}

async function readersServe(local: LocalCluster, pool: Pool, id: number): Promise<void> {
  await local.cluster.waitForReplay();
  const names = local.cluster.readers.map(({ name }) => name);
  await until("a reader answers", async () => names.includes((await read(pool, id)).server));
  // What the answer claims, the servers' own logs confirm.
  const mark = newMark();
  const { server, books } = await read(pool, id, mark);
  expect({ books, reached: local.reached(mark) }).toEqual({ books: 1, reached: [server] });
  expect(names).toContain(server);
}

/** Nothing is replayed, so only the writer has the row. */
async function seesItsOwnWrite(local: LocalCluster, pool: Pool): Promise<number> {
  const [writer] = local.cluster.servers;
  return paused(local.cluster, async () => {
    const id = await write(pool);
    expect(await read(pool, id)).toEqual({ server: writer.name, books: 1 });
    return id;
  });
}

/** A pool that lives across an event, with a write before it that nobody has replayed. */
async function livesAcross(
  local: LocalCluster,
  positions: Maker,
  event: () => Promise<unknown>,
  options: PoolOptions = {},
): Promise<void> {
  const pool = local.pool({ freshness: { positions }, ...options });
  await readersServe(local, pool, await write(pool));
  await paused(local.cluster, async () => {
    const id = await write(pool);
    await event();
    expect(await read(pool, id)).toMatchObject({ books: 1 });
  });
  await readersServe(local, pool, await seesItsOwnWrite(local, pool));
  const known = pool.stats().freshness.servers.map((server) => server.positions);
  expect(new Set(known)).toEqual(new Set([positions]));
}

/** The timeline of a server, which has noted it in its control file by then. */
async function timelineAtCheckpoint(client: Client): Promise<number> {
  await client.query("checkpoint");
  const { rows } = await client.query("select timeline_id from pg_control_checkpoint()");
  return rows[0].timeline_id;
}

describe.each(makers)("with positions of %s, a pool sees its own writes across", (positions) => {
  const local = localCluster({ readers: 2, schema });

  const restartsOf: Record<string, (cluster: Cluster) => readonly Cluster["servers"][number][]> = {
    "the writer": ({ servers: [writer] }) => [writer],
    "a reader": ({ readers }) => readers.slice(0, 1),
    "all readers": ({ readers }) => readers,
    "all servers": ({ servers }) => servers,
  };

  it.each(
    Object.keys(restartsOf).flatMap((which) => [
      [which, "in order", false] as const,
      [which, "after a crash", true] as const,
    ]),
  )("a restart of %s, %s", async (which, _how, crash) => {
    await livesAcross(local, positions, async () => {
      for (const server of restartsOf[which]?.(local.cluster) ?? []) {
        await local.cluster.restart(server, { crash });
      }
    });
  });

  it("a reset of all statistics, on all servers", async () => {
    await livesAcross(local, positions, async () => {
      for (const { url } of local.cluster.servers) {
        const client = await local.connect(url);
        await client.query("select pg_stat_reset()");
        for (const what of ["archiver", "bgwriter", "wal"]) {
          await client.query("select pg_stat_reset_shared($1)", [what]);
        }
      }
    });
  });

  it("a promotion, which begins a new timeline", async () => {
    const { cluster } = local;
    const [promoted, stays] = cluster.readers as [Reader, Reader];
    const follow = async () => {
      await cluster.promote(promoted);
      expect(await timelineAtCheckpoint(await local.connect())).toBe(2);
      if (positions === "wal") return;
      // Of the timeline that a reader follows, transaction ids know what its control file says.
      await cluster.resumeReplay();
      await cluster.waitForReplay();
      expect(await timelineAtCheckpoint(await local.connect(stays.url))).toBe(2);
    };
    // Connections to the promoted one would go on to be used: it is the writer, so it is fresh.
    await livesAcross(local, positions, follow, { readers: [stays.url] });
  });
});

describe("the WAL's boundary of 4 GB", () => {
  const local = localCluster({
    readers: 0,
    schema,
    settings: { max_wal_size: "64MB", min_wal_size: "32MB", wal_init_zero: "off" },
  });

  async function onWriter(sql: string): Promise<string> {
    const client = await local.connect();
    await client.query(sql);
    const { rows } = await client.query("select pg_current_wal_insert_lsn()::text as lsn");
    return rows[0].lsn;
  }
  const fillUpTo = (lsn: string) =>
    onWriter(`do $$ begin
      while pg_current_wal_insert_lsn() < '${lsn}' loop
        perform pg_logical_emit_message(false, '', 'x');
        perform pg_switch_wal();
      end loop;
    end $$`);

  it("is nothing to what is written before and behind it", async () => {
    // Before there is a reader, which would be sent all of it. Its copy fills some segments more.
    await fillUpTo("0/FC000000");
    await local.cluster.addReader();
    const pools = makers.map((positions) => local.pool({ freshness: { positions } }));
    for (const pool of pools) await readersServe(local, pool, await write(pool));
    await paused(local.cluster, async () => {
      const ids = await Promise.all(pools.map(write));
      expect(await onWriter("select 1")).toMatch(/^0\//);
      expect(await fillUpTo("1/0")).toMatch(/^1\//);
      for (const [n, pool] of pools.entries()) {
        expect(await read(pool, ids[n] as number)).toEqual({ server: "writer", books: 1 });
      }
    });
    for (const pool of pools) {
      await readersServe(local, pool, await seesItsOwnWrite(local, pool));
    }
  });
});
