import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import type { Pool } from "pointsman";
import * as schema from "./schema.ts";

export type Database = ReturnType<typeof databaseOn>;

/** The database over a pool. No `withReplicas`: each statement goes where it belongs by itself. */
export function databaseOn(pool: Pool) {
  return drizzle(pool, { schema, casing: "snake_case" });
}

/** Brings the tables up to date. */
export async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    // Drizzle's migrator locks nothing; this lets one of several deployments pass at a time.
    await client.query("select pg_advisory_lock(hashtext('shop migrations'))");
    const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));
    await applyMigrations(drizzle(client), { migrationsFolder });
  } finally {
    client.release(true); // and with its connection the lock
  }
}
