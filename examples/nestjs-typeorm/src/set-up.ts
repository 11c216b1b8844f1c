import "reflect-metadata";
import { DataSource } from "typeorm";
import { type DatabaseUrls, databaseOptions } from "./database.ts";
import { Book } from "./entities.ts";
import { seed } from "./seed.ts";

/**
 * Runs the migrations that have not run yet, and fills shelves that are empty.
 *
 * @returns the names of the migrations
 */
export async function setUp(urls?: DatabaseUrls): Promise<string[]> {
  const source = await new DataSource(databaseOptions(urls)).initialize();
  try {
    const migrations = await source.runMigrations();
    await source.transaction(async (manager) => {
      if (!(await manager.exists(Book))) await seed(manager);
    });
    return migrations.map(({ name }) => name);
  } finally {
    await source.destroy();
  }
}
