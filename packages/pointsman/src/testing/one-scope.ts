import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import { currentScope, runInScope, stagingOf } from "../scope.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { SettlingPool } from "../servers/settling-pool.ts";
import type { Staging } from "../staging.ts";

/** Whether there is one side: one server, or readers that nothing is sent to, in shadow mode. */
function hasOneSide(pool: Pool): boolean {
  return pool.writer === pool.reader || pool.stats().shadow !== undefined;
}

/** The pools that belong to a pool, each with its side. */
export function sidesOf(pool: Pool): ReadonlyMap<object, Target> {
  const { writer, reader } = pool;
  if (hasOneSide(pool)) return new Map([[pool, "writer"]]);
  return new Map<object, Target>([
    [pool, "writer"],
    [writer, "writer"],
    [reader, "reader"],
  ]);
}

/** @throws Error when something else stands between the pool and its connections already */
export function assertFree(pool: Pool, name: string): void {
  const open = stagingOf(pool);
  if (open === undefined) return;
  throw new Error(
    `${name}() cannot be called inside ${open.name}() for the same pool. Call one behind the other, or use two pools.`,
  );
}

/** Runs `fn` where a staging stands between its pool and the connections. */
export function runStaged<T>(staging: Staging, fn: () => T): T {
  const scope = currentScope();
  const stagings = [staging, ...(scope?.stagings ?? [])];
  return runInScope({ writer: false, ...scope, transaction: undefined, stagings }, fn);
}

/** Takes a connection to the writer, in its turn. */
export function takeWriter(
  pool: Pool,
): Promise<{ client: EndpointClient; release: (problem?: Error) => void }> {
  return new Promise((resolve, reject) => {
    (pool.writer as SettlingPool).acquire((error, client, release) => {
      if (client === undefined) reject(error as Error);
      else resolve({ client: client as unknown as EndpointClient, release });
    });
  });
}

/** @throws Error when a pool has no reader side */
export function assertTwoSides(pool: Pool, name: string): void {
  if (!hasOneSide(pool)) return;
  throw new Error(
    `${name}() is about readers, and this pool sends everything to one server. Make the pool of your tests with mirror: true, and without shadow.`,
  );
}

/** @throws Error when a pool has no writer */
export async function assertWriter(pool: Pool, name: string): Promise<void> {
  try {
    await pool.explain("truncate pointsman_nothing");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "READ_ONLY_MODE") throw error;
    throw new Error(
      `${name}() needs a connection to the writer, and this pool is read-only. What it sends changes nothing: test it without, or with a pool that may write.`,
      { cause: error },
    );
  }
}
