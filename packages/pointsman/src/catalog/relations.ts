import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { Row } from "../servers/question.ts";
import type { RelationName } from "../statements/types.ts";

/** What a database has said of its tables, and of where it looks for them. */
export interface KnownRelations {
  /** The schemas in which names without one are looked for, in this order. */
  readonly searchPath: readonly string[];
  /** `undefined`: there are too many to be told. */
  readonly relations: readonly Required<RelationName>[] | undefined;
}

/** More tables than this are not fetched. */
const most = 20_000;

// Both columns are JSON. Temporary tables are everybody's own.
const question = `select pg_catalog.array_to_json(pg_catalog.current_schemas(true))::text,
 (select pg_catalog.json_agg(pg_catalog.json_build_array(found.nspname, found.relname))::text from
  (select n.nspname, c.relname from pg_catalog.pg_class c
   join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)'
   limit ${most + 1}) found)`;

/**
 * Asks a connection for the tables of its database.
 *
 * @returns `undefined` when it does not say
 */
export async function askRelations(client: EndpointClient): Promise<KnownRelations | undefined> {
  const row = await new Promise<Row | undefined>((resolve) => {
    client.ask(question, (_error, row) => resolve(row));
  });
  const [path, names] = row ?? [];
  if (typeof path !== "string") return undefined;
  const found = JSON.parse(names ?? "[]") as [schema: string, name: string][];
  return {
    searchPath: (JSON.parse(path) as string[]).filter((one) => !one.startsWith("pg_temp")),
    relations: found.length > most ? undefined : found.map(([schema, name]) => ({ schema, name })),
  };
}
