import type { Classification } from "../statements/types.ts";

/**
 * Tables in which ORMs and migration tools keep what they have applied. A migrator that reads one on
 * a reader that is behind applies a migration twice.
 */
const migrationTables: ReadonlySet<string> = new Set([
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

const known = new WeakMap<Classification, boolean>();

/** Whether a statement reads a table in which migrations are kept. */
export function readsMigrations(facts: Classification): boolean {
  if (facts.reads.length === 0) return false;
  let answer = known.get(facts);
  if (answer === undefined) {
    answer = facts.reads.some(
      ({ schema, name }) => migrationTables.has(name) || migrationTables.has(`${schema}.${name}`),
    );
    known.set(facts, answer);
  }
  return answer;
}
