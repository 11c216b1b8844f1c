import type { RelationName } from "../statements/types.ts";

/**
 * Tables in which ORMs and migration tools keep what they have applied, and the view by which they
 * look for those. A migrator that reads one on a reader that is behind applies a migration twice, or
 * makes tables that are there.
 */
const migrationTables: ReadonlySet<string> = new Set([
  "information_schema.tables",
  "__drizzle_migrations",
  "kysely_migration",
  "kysely_migration_lock",
  "_prisma_migrations",
  "knex_migrations",
  "knex_migrations_lock",
  // TypeORM, graphile-worker
  "migrations",
  "typeorm_metadata",
  "SequelizeMeta",
  "mikro_orm_migrations",
  // node-pg-migrate
  "pgmigrations",
  "graphile_migrate.migrations",
  "pgboss.version",
  // Rails, Flyway, Liquibase, whose databases are shared with services in other languages
  "schema_migrations",
  "flyway_schema_history",
  "databasechangelog",
  "databasechangeloglock",
]);

/** Whether migrations are kept in a relation of this name, or looked for there. */
export function isMigrationTable({ schema, name }: RelationName): boolean {
  return migrationTables.has(name) || migrationTables.has(`${schema}.${name}`);
}
