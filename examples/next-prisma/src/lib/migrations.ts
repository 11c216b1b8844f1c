import { readdir, readFile } from "node:fs/promises";
import type { Pool } from "pointsman";

const folder = new URL("../../prisma/migrations/", import.meta.url);

/**
 * Runs the migrations of prisma/migrations that have not run yet, in one transaction, and returns
 * their names. It stands in for `prisma migrate deploy`, which needs an engine besides.
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return pool.transaction(async (tx) => {
    // Of two that start at once, one waits, and finds nothing left to do.
    await tx.query("select pg_advisory_xact_lock(hashtext('migrations of the bookshop'))");
    await tx.query("create table if not exists applied_migrations (name text primary key)");
    const { rows } = await tx.query<{ name: string }>("select name from applied_migrations");
    const missing = names.toSorted().filter((name) => !rows.some((row) => row.name === name));
    for (const name of missing) {
      await tx.query(await readFile(new URL(`${name}/migration.sql`, folder), "utf8"));
      await tx.query("insert into applied_migrations values ($1)", [name]);
    }
    return missing;
  });
}
