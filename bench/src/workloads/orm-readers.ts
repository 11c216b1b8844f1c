import { eq } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { integer, pgTable, text, withReplicas } from "drizzle-orm/pg-core";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { Pool } from "pointsman";
import type { Servers } from "../harness/servers.ts";
import type { OpenOrmReader, OrmReader } from "./orm-reader.ts";
import { sequelizeReaders } from "./sequelize-readers.ts";
import { connections, readerOf, writerOf } from "./split-accesses.ts";
import { typeormReaders } from "./typeorm-readers.ts";

const kv = pgTable("kv", { id: integer("id").primaryKey(), value: text("value").notNull() });

interface Tables {
  kv: { id: number; value: string };
}

/** The ORMs, on pools that are told by hand, on their own replicas, and on Pointsman. */
export const ormReaders: Readonly<Record<string, OpenOrmReader>> = {
  "Drizzle on pg.Pool": (servers) => throughDrizzle([plain(readerOf(servers))], ([db]) => db),
  "Drizzle withReplicas": (servers) =>
    throughDrizzle([plain(writerOf(servers)), plain(readerOf(servers))], ([writer, reader]) =>
      withReplicas(writer, [reader as NodePgDatabase]),
    ),
  "Drizzle on pointsman": (servers) => throughDrizzle([ours(servers)], ([db]) => db),
  "Kysely on pg.Pool": (servers) => throughKysely(plain(readerOf(servers))),
  "Kysely on pointsman": (servers) => throughKysely(ours(servers)),
  ...typeormReaders,
  ...sequelizeReaders,
};

function plain(connectionString: string): pg.Pool {
  return new pg.Pool({ connectionString, max: connections });
}

function ours(servers: Servers): pg.Pool {
  return new Pool({ writer: writerOf(servers), reader: readerOf(servers), max: connections });
}

function throughDrizzle(
  pools: readonly pg.Pool[],
  choose: (dbs: [NodePgDatabase, ...NodePgDatabase[]]) => Pick<NodePgDatabase, "select">,
): OrmReader {
  const [first, ...others] = pools.map((pool) => drizzle(pool));
  const db = choose([first as NodePgDatabase, ...others]);
  return {
    read: async (key) => db.select().from(kv).where(eq(kv.id, key)),
    close: () => Promise.all(pools.map((pool) => pool.end())),
  };
}

function throughKysely(pool: pg.Pool): OrmReader {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    read: (key) => db.selectFrom("kv").selectAll().where("id", "=", key).execute(),
    close: () => db.destroy(),
  };
}
