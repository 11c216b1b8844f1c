import type { Grant, Owned } from "./facts.ts";
import { counted, few, shown } from "./sql-names.ts";

/** What tables that may be written, and their sequences, need. */
const needed: Partial<Record<Grant["kind"], ReadonlySet<string>>> = {
  table: new Set(["INSERT", "UPDATE", "DELETE"]),
  sequence: new Set(["USAGE"]),
};

/**
 * What of a grant is beyond what is needed; nothing when it is not.
 *
 * @param ids - the tables that may be written, and their sequences
 * @param schemas - where those tables are, which can be used therefore
 */
export function needless<
  Row extends Pick<Grant, "kind" | "schema" | "privileges"> & { id: string; usable: boolean },
>(row: Row, ids: ReadonlySet<string>, schemas: ReadonlySet<string>): Row[] {
  if (!row.usable && !schemas.has(row.schema ?? "")) return [];
  const may = ids.has(row.id) ? needed[row.kind] : undefined;
  const privileges = row.privileges.filter((privilege) => may?.has(privilege) !== true);
  return privileges.length === 0 ? [] : [{ ...row, privileges }];
}

/** Roles that may write without a grant that could be seen. */
const powers: Readonly<Record<string, string>> = {
  pg_write_all_data: "may write every table",
  pg_execute_server_program: "may run programs on the server",
  pg_write_server_files: "may write files of the server",
  pg_maintain: "may refresh, rewrite and lock every table",
  pg_create_subscription: "may create subscriptions",
  rds_superuser: "may do nearly all that a superuser may",
  rds_replication: "may create replication slots",
};

/** A role that another can become, and what it has. */
export interface Conferred {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly owned: Owned;
  readonly grants: readonly Pick<Grant, "kind" | "schema" | "name">[];
}

/**
 * What a membership confers that writes, as a phrase; `undefined` when it is nothing.
 *
 * @param role - that of the membership
 * @param reached - itself and the roles that it leads to
 */
export function conferring(role: string, reached: readonly Conferred[]): string | undefined {
  const reasons = reached.flatMap(({ name, attributes, owned, grants }) => {
    const own = [
      powers[name],
      attributes.length > 0 ? `has ${attributes.join(", ")}` : undefined,
      owned.count > 0
        ? `owns ${counted(owned.count, "object")} (${few(owned.names, owned.count)})`
        : undefined,
      grants.length > 0 ? `may write ${few(grants.map(nameOf))}` : undefined,
    ].filter((reason) => reason !== undefined);
    if (own.length === 0) return [];
    return name === role ? own.join(", ") : `${shown(name)} in turn ${own.join(", ")}`;
  });
  return reasons.length === 0 ? undefined : few(reasons);
}

/** An object for people. */
export function nameOf({ kind, schema, name }: Pick<Grant, "kind" | "schema" | "name">): string {
  if (kind === "default") return `future ${name.toLowerCase()}`;
  if (kind === "large object") return name;
  return schema === null ? shown(name) : `${shown(schema)}.${shown(name)}`;
}
