import { Migrator } from "kysely";
import type { Database } from "./database.ts";
import { shop } from "./migrations/001-shop.ts";

/**
 * Brings the tables up to date, whoever else does it at the same time.
 *
 * @returns the names of the migrations that were missing
 */
export async function migrate(db: Database): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ "001-shop": shop }) },
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.map(({ migrationName }) => migrationName);
}
