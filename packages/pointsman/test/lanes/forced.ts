import { randomUUID } from "node:crypto";
import type { Pool as PgPool } from "pg";
import type { Pool, PoolOptions } from "pointsman";
import type { LaneStats, SideStats } from "../../src/stats.ts";
import type { LocalCluster } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

/** Every read that may ride does, from the first time on. */
export const forced = { after: 0, max: 1, depth: 64 } as const;

/** Which side carries the reads of a pool. */
export type ReadSide = "reader" | "writer";

/** The kinds of pools whose lanes are looked at, and how they are made. */
export const kinds: readonly { readonly name: string; readonly side: ReadSide }[] = [
  { name: "with readers", side: "reader" },
  { name: "with one server", side: "writer" },
];

/** A pool whose reads ride, with all connections of the side that carries them open. */
export async function riding(
  local: LocalCluster,
  side: ReadSide,
  options: PoolOptions = {},
): Promise<Pool> {
  const pool = local.pool({
    max: 4,
    lanes: forced,
    // Its connection, too, would be counted.
    catalog: false,
    ...(side === "writer" ? { reader: undefined } : {}),
    ...options,
  });
  await openAll(pool[side]);
  return pool;
}

/** Opens all connections that a pool may have. */
export async function openAll(pool: PgPool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const client of clients) client.release();
}

/** The connections of a side. */
export function statsOf(pool: Pool, side: ReadSide): SideStats {
  const stats = pool.stats()[side];
  if (stats === undefined) throw new Error("This pool has no such side.");
  return stats;
}

/** What its lanes have done on the side that carries the reads. */
export function lanesOf(pool: Pool, side: ReadSide): LaneStats {
  const { lanes } = statsOf(pool, side);
  if (lanes === undefined) throw new Error("This pool has no lanes.");
  return lanes;
}

/** Waits until nobody uses a connection, or waits for one, and no lane is open. */
export async function atRest(pool: Pool): Promise<void> {
  await until("all connections are given back", () => {
    const { writer, reader } = pool.stats();
    return [writer, reader ?? writer].every(
      ({ total, idle, waiting, lanes }) =>
        total === idle && waiting === 0 && (lanes?.open ?? 0) === 0 && (lanes?.waiting ?? 0) === 0,
    );
  });
}

/** A value that no statement of another test has. */
export function newValue(): string {
  return randomUUID();
}

/** How often servers have been told to run statements with such a value among their parameters. */
export function timesSent(local: LocalCluster, value: string): number {
  return local.cluster.servers
    .map((server) => server.log().split(`'${value}'`).length - 1)
    .reduce((sum, times) => sum + times, 0);
}

/** The state of each backend of an application on a server. */
export async function backends(
  local: LocalCluster,
  url: string,
  application: string,
): Promise<{ pid: number; state: string; query: string }[]> {
  const client = await local.connect(url);
  const { rows } = await client.query(
    "select pid, state, query from pg_stat_activity where application_name = $1",
    [application],
  );
  return rows;
}
