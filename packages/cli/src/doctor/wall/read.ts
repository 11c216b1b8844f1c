import type { Client } from "pg";
import type { TablePattern } from "pointsman/endpoints";
import type { AllowedTable, Grant, Owned, ReadSchema, WallFacts } from "./facts.ts";
import { grouped } from "./grouped.ts";
import { type Conferred, conferring, needless } from "./needless.ts";
import {
  allowedQuery,
  grantsQuery,
  membershipQuery,
  ownedQuery,
  reachQuery,
  readableNamesQuery,
  roleQuery,
  schemasQuery,
  sequencesQuery,
  settingQuery,
  tablesQuery,
} from "./queries.ts";

interface Role extends Pick<WallFacts, "role" | "database" | "version" | "superuser"> {
  readonly oid: string;
  readonly attributes: readonly string[];
}

interface Reached {
  readonly oid: string;
  readonly name: string;
  readonly attributes: readonly string[];
  /** The memberships of the role itself that lead to it. */
  readonly via: readonly string[];
}

interface MembershipRow {
  readonly oid: string;
  readonly role: string;
  readonly grantor: string | null;
  readonly admin: boolean;
}

export interface GrantRow extends Omit<Grant, "toPublic"> {
  readonly id: string;
  /** 0: PUBLIC */
  readonly grantee: string;
  /** Whether the schema of a routine can be used. */
  readonly usable: boolean;
}

interface Writable {
  readonly tables: readonly (AllowedTable & { readonly oid: string })[];
  readonly ids: ReadonlySet<string>;
  readonly unmatched: readonly string[];
}

/** PUBLIC, as catalogs have it. */
const everybody = "0";

/**
 * Reads what the catalogs tell of the role that has logged in, all of one moment.
 *
 * @param allowed - the tables that it may write
 */
export async function readWall(
  client: Client,
  allowed: readonly TablePattern[],
): Promise<WallFacts> {
  await client.query("begin transaction isolation level repeatable read read only");
  try {
    // Names of a schema in the path would come without it.
    await client.query("set local search_path = ''");
    return await readFacts(client, allowed);
  } finally {
    // Not rolled back: reading catalogs may prune them, and what that adds to the WAL would stay
    // with the writer. A failed transaction ends all the same, and what has failed tells more.
    await client.query("commit").catch(() => {});
  }
}

async function readFacts(client: Client, allowed: readonly TablePattern[]): Promise<WallFacts> {
  const all = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await client.query<Row>(text, values)).rows;
  const [me] = await all<Role>(roleQuery);
  if (me === undefined) throw new Error("The role is not in pg_roles.");
  // A superuser is everybody already.
  const reached = me.superuser ? [] : await all<Reached>(reachQuery, me.oid);
  const oids = [me.oid, ...reached.map(({ oid }) => oid)];
  const memberships = await all<MembershipRow>(membershipQuery, me.oid);
  const owned = await all<Owned & { owner: string }>(ownedQuery, oids);
  const ownedBy = (oid: string): Owned =>
    owned.find(({ owner }) => owner === oid) ?? { count: 0, names: [] };
  const { tables, ids, unmatched } = await readWritable(all, allowed);
  const schemas = new Set(tables.map(({ schema }) => schema));
  const rows = (await all<GrantRow>(grantsQuery, [...oids, everybody])).flatMap((row) =>
    needless(row, ids, schemas),
  );
  const conferred = reached.map((role): Conferred & Pick<Reached, "via"> => ({
    ...role,
    owned: ownedBy(role.oid),
    grants: rows.filter(({ grantee }) => grantee === role.oid),
  }));
  const settings = await all<{ inDatabase: boolean; value: boolean }>(settingQuery, me.oid);
  return {
    ...me,
    byIam: reached.some(({ name }) => name === "rds_iam"),
    owned: ownedBy(me.oid),
    memberships: grouped(memberships, ({ oid }) => oid).flatMap((granted) => {
      const [{ oid, role }] = granted;
      const because = conferring(
        role,
        conferred.filter(({ via }) => via.includes(oid)),
      );
      if (because === undefined) return [];
      const grantors = granted.map(({ grantor }) => grantor);
      return { role, grantors, admin: granted.some(({ admin }) => admin), because };
    }),
    grants: rows
      .filter(({ grantee }) => grantee === everybody || grantee === me.oid)
      .map(({ grantee, ...row }) => ({ ...row, toPublic: grantee === everybody })),
    readOnlyByDefault: settings[0]?.value ?? false,
    setInDatabase: settings.some(({ inDatabase }) => inDatabase),
    schemas: await readSchemas(all),
    allowed: tables,
    unmatched,
  };
}

type All = <Row extends object>(text: string, ...values: unknown[]) => Promise<Row[]>;

/** The tables that are allowed to be written, and the objects that this needs. */
async function readWritable(all: All, allowed: readonly TablePattern[]): Promise<Writable> {
  if (allowed.length === 0) return { tables: [], ids: new Set(), unmatched: [] };
  const candidates = await all<{ oid: string; schema: string; name: string }>(tablesQuery);
  const unmatched = allowed
    .filter((pattern) => !candidates.some(({ schema, name }) => pattern.matches(schema, name)))
    .map(({ written }) => written);
  const oids = candidates
    .filter(({ schema, name }) => allowed.some((pattern) => pattern.matches(schema, name)))
    .map(({ oid }) => oid);
  const sequences = await all<{
    table: string;
    oid: string;
    schema: string;
    name: string;
    missing: boolean;
  }>(sequencesQuery, oids);
  const ofTable = new Map(
    grouped(sequences, ({ table }) => table).map((group) => [group[0].table, group]),
  );
  const bare = await all<AllowedTable & { oid: string }>(allowedQuery, oids);
  const tables = bare.map((table) => {
    const own = ofTable.get(table.oid) ?? [];
    const missing = own
      .filter((sequence) => sequence.missing)
      .map(({ name }) => `USAGE of ${name}`);
    return {
      ...table,
      missing: [...table.missing, ...missing],
      sequences: own.map(({ schema, name }) => ({ schema, name })),
    };
  });
  const ids = new Set([...oids, ...sequences.map(({ oid }) => oid)]);
  return { tables, ids, unmatched };
}

async function readSchemas(all: All): Promise<ReadSchema[]> {
  const schemas = await all<Omit<ReadSchema, "readableNames">>(schemasQuery);
  const partly = schemas
    .filter(({ tables, readable }) => readable > 0 && readable < tables)
    .map(({ name }) => name);
  const lists =
    partly.length === 0
      ? []
      : await all<{ schema: string; names: string[] }>(readableNamesQuery, partly);
  return schemas.map((schema) => ({
    ...schema,
    readableNames: lists.find((list) => list.schema === schema.name)?.names ?? [],
  }));
}
