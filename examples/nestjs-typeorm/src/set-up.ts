import "reflect-metadata";
import { withWriter } from "pointsman";
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
    // TypeORM looks into the catalog for its table of migrations, and creates it where there is
    // none. A reader that lags behind may not have it yet.
    const migrations = await withWriter(() => source.runMigrations());
    await source.transaction(async (manager) => {
      if (!(await manager.exists(Book))) await seed(manager);
    });
    return migrations.map(({ name }) => name);
  } finally {
    await source.destroy();
  }
}
