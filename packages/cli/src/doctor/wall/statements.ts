import type { Grant } from "./facts.ts";
import { grouped } from "./grouped.ts";
import { quoted } from "./sql-names.ts";

/** Names in one statement: more cannot be read. */
const mostNames = 50;
/** Tables of one schema that are named one by one; above, all of the schema are meant. */
const mostTables = 500;

/** The statements that take grants back from a role, whose name is quoted, or from PUBLIC. */
export function revokes(grants: readonly Grant[], from: string): string[] {
  const groups = grouped(grants, ({ kind, schema, name, privileges, grantor, owner, grantable }) =>
    JSON.stringify([
      kind,
      schema,
      privileges,
      delegated(grantor, owner),
      grantable,
      kind === "default" && [owner, name],
    ]),
  );
  return groups.flatMap((group) => {
    const [{ grantor, owner, grantable }] = group;
    const statements = revoke(group, from, `FROM ${from}${grantable ? " CASCADE" : ""}`);
    return asGrantor(delegated(grantor, owner), statements);
  });
}

/** Who has granted what is not the owner's; `undefined`: the owner. */
function delegated(grantor: string, owner: string): string | undefined {
  return grantor === owner ? undefined : grantor;
}

/** REVOKE takes back what the owner has granted; what somebody else has, only that one can. */
function asGrantor(grantor: string | undefined, statements: readonly string[]): readonly string[] {
  if (grantor === undefined) return statements;
  return [`SET LOCAL ROLE ${quoted(grantor)};`, ...statements, "RESET ROLE;"];
}

function revoke(
  grants: readonly [Grant, ...Grant[]],
  from: string,
  behind: string,
): readonly string[] {
  const [{ kind, schema, name, privileges, owner, grantor }] = grants;
  const before = `REVOKE ${privileges.join(", ")} ON`;
  const names = grants.map(pathOf);
  switch (kind) {
    case "table":
      // PUBLIC's concern everybody, so no more of them is touched than was found.
      if (grants.length > mostTables && from !== "PUBLIC" && grantor === owner && schema !== null) {
        return [`${before} ALL TABLES IN SCHEMA ${quoted(schema)} ${behind};`];
      }
      return onList(`${before} TABLE`, names, behind);
    case "sequence":
      return onList(`${before} SEQUENCE`, names, behind);
    case "schema":
      return onList(`${before} SCHEMA`, names, behind);
    case "database":
      return onList(`${before} DATABASE`, names, behind);
    case "routine":
      return onList(`${before} ROUTINE`, names, behind);
    case "large object":
      return onList(
        `${before} LARGE OBJECT`,
        grants.map((grant) => grant.name),
        behind,
      );
    case "default": {
      const where = schema === null ? "" : ` IN SCHEMA ${quoted(schema)}`;
      return [
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(owner)}${where} ${before} ${name} ${behind};`,
      ];
    }
  }
}

function pathOf({ schema, name, args }: Grant): string {
  const path = schema === null ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
  return args === null ? path : `${path}(${args})`;
}

/** Statements that grant privileges on tables of one schema. */
export function grantsOnTables(
  privileges: readonly string[],
  schema: string,
  tables: readonly string[],
  to: string,
): string[] {
  const names = tables.map((table) => `${quoted(schema)}.${quoted(table)}`);
  return onList(`GRANT ${privileges.join(", ")} ON TABLE`, names, `TO ${to}`);
}

/** One statement for many objects, or a few for very many. */
export function onList(before: string, names: readonly string[], behind: string): string[] {
  const [only] = names;
  if (names.length === 1) return [`${before} ${only} ${behind};`];
  const statements: string[] = [];
  for (let at = 0; at < names.length; at += mostNames) {
    const list = names.slice(at, at + mostNames).map((name) => `  ${name}`);
    statements.push([before, list.join(",\n"), `${behind};`].join("\n"));
  }
  return statements;
}
