import type { Client } from "pg";
import { CannotTell } from "../cannot-tell.ts";
import { codeOf, reasonOf } from "../errors.ts";

/** One of the statements of a database, as pg_stat_statements knows it. */
export interface BusyStatement {
  /** Without its values; `undefined`: lost, or not shown to this user. */
  readonly text: string | undefined;
  readonly calls: number;
  readonly milliseconds: number;
}

/** What all statements of a database have taken. */
export interface Load {
  readonly statements: number;
  readonly calls: number;
  readonly milliseconds: number;
}

/** What makes a statement costly: how often it came, or how long it ran. */
export type Cost = "calls" | "time";

interface Row {
  readonly text: string | null;
  readonly calls: number;
  readonly milliseconds: number;
  readonly all_statements: number;
  readonly all_calls: number;
  readonly all_milliseconds: number;
}

const place = `
  select quote_ident(nspname) as schema
  from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
  where extname = 'pg_stat_statements'`;

/** Of one text that several users have sent there is one. */
const question = (schema: string, by: Cost): string => `
  select min(query) filter (where queryid is not null) as text,
    sum(calls)::float8 as calls, sum(total_exec_time)::float8 as milliseconds,
    count(*) over ()::int as all_statements, (sum(sum(calls)) over ())::float8 as all_calls,
    (sum(sum(total_exec_time)) over ())::float8 as all_milliseconds
  from ${schema}.pg_stat_statements
  where toplevel and dbid = (
    select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  group by queryid
  order by ${by === "calls" ? "calls desc, milliseconds desc" : "milliseconds desc, calls desc"}
  limit $1`;

/**
 * The statements of this database that were called most, or took most time.
 *
 * @throws CannotTell
 */
export async function busiestStatements(
  client: Client,
  count: number,
  by: Cost,
): Promise<{ statements: BusyStatement[]; load: Load }> {
  const { rows: places } = await client.query<{ schema: string }>(place);
  const [found] = places;
  if (found === undefined) throw new CannotTell(missing);
  let rows: Row[];
  try {
    ({ rows } = await client.query<Row>(question(found.schema, by), [count]));
  } catch (error) {
    throw new CannotTell(
      remedies.get(codeOf(error)) ?? `pg_stat_statements cannot be read: ${reasonOf(error)}.`,
    );
  }
  const [first] = rows;
  return {
    statements: rows.map(({ text, calls, milliseconds }) => ({
      text: text ?? undefined,
      calls,
      milliseconds,
    })),
    load: {
      statements: first?.all_statements ?? 0,
      calls: first?.all_calls ?? 0,
      milliseconds: first?.all_milliseconds ?? 0,
    },
  };
}

const preload =
  "add it to shared_preload_libraries (on RDS: in the parameter group) and restart the server";
const missing = `This database has no extension pg_stat_statements. If its library is not loaded yet, ${preload}; then run CREATE EXTENSION pg_stat_statements in this database, and come back when it has counted for a while.`;

const remedies = new Map<string | undefined, string>([
  ["55000", `The library of pg_stat_statements is not loaded: ${preload}.`],
  ["42501", "This user may not read pg_stat_statements: grant it the role pg_read_all_stats."],
  [
    "42703",
    "The extension pg_stat_statements is of an old version: run ALTER EXTENSION pg_stat_statements UPDATE.",
  ],
]);
