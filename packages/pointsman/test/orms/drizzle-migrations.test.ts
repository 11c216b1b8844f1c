import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { type PoolOptions, withWriter } from "pointsman";
import { expect } from "vitest";
import { drizzleKit } from "./support/drizzle-kit.ts";
import { openDrizzle, shows } from "./support/drizzle-shop.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { watch } = shop;
const open = (options: PoolOptions = {}) => openDrizzle({ ...shop.options(), ...options });
const newName = (): string => `made_${randomUUID().replaceAll("-", "")}`;

/** How many migrations a table says that were applied. */
async function applied(table: string, schema: string): Promise<number> {
  const client = await shop.connect();
  const { rows } = await client.query(`select count(*)::int as n from "${schema}"."${table}"`);
  return rows[0].n;
}

shows("migrations", "migrates once, by one pool after another, while readers lag", async () => {
  const kit = await drizzleKit(shop.cluster.writer.url);
  await kit.generate(newName());
  const { ran } = await watch(async () => {
    await migrate(open().db, kit);
    await migrate(open().db, kit);
  });
  expect(ran.readers).toEqual([]);
  expect(ran.writer.filter((text) => text.startsWith('CREATE TABLE "made_'))).toHaveLength(1);
});

shows("migrations", "reads the last migration on the writer, whatever freshness asks", async () => {
  const kit = await drizzleKit(shop.cluster.writer.url);
  await kit.generate(newName());
  const { ran } = await watch(async () => {
    await migrate(open({ consistency: "eventual" }).db, kit);
    await migrate(open({ consistency: "eventual" }).db, kit);
  });
  expect(ran.readers).toEqual([]);
});

shows("migrations", "migrates once with a table of another name", async () => {
  const migrations = { table: newName(), schema: newName() };
  const kit = await drizzleKit(shop.cluster.writer.url, migrations);
  await kit.generate(newName());
  const config = {
    ...kit,
    migrationsTable: migrations.table,
    migrationsSchema: migrations.schema,
  };
  await kit.migrate();
  await migrate(open().db, config);
  await kit.generate(newName());
  await migrate(open().db, config);
  await migrate(open().db, config);
  const { db } = open({ consistency: "eventual" });
  const { ran } = await watch(() => withWriter(() => migrate(db, config)));
  expect(ran.readers).toEqual([]);
  expect(await applied(migrations.table, migrations.schema)).toBe(2);
});

shows("migrations", "finds what drizzle-kit has migrated, while readers lag", async () => {
  const migrations = { schema: newName() };
  const kit = await drizzleKit(shop.cluster.writer.url, migrations);
  const table = newName();
  await kit.generate(table);
  const { ran } = await watch(() => kit.migrate());
  expect(ran.readers).toEqual([]);
  const { db } = open();
  expect((await db.execute(sql`select * from ${sql.identifier(table)}`)).rows).toEqual([]);
  await migrate(db, { ...kit, migrationsSchema: migrations.schema });
  expect(await applied("__drizzle_migrations", migrations.schema)).toBe(1);
});

shows(
  "migrations",
  "migrates once behind a lock, however many start at the same time",
  async () => {
    const migrationsSchema = newName();
    const kit = await drizzleKit(shop.cluster.writer.url);
    await kit.generate(newName());
    const migrateAlone = async (): Promise<void> => {
      const client = await open().pool.connect();
      try {
        await client.query("select pg_advisory_lock(1)");
        await migrate(drizzle(client), { ...kit, migrationsSchema });
      } finally {
        client.release();
      }
    };
    const { ran } = await watch(() => Promise.all([1, 2, 3].map(migrateAlone)));
    expect(ran.readers).toEqual([]);
    expect(await applied("__drizzle_migrations", migrationsSchema)).toBe(1);
  },
);
