import type { Grant, WallFacts } from "./facts.ts";
import { grouped } from "./grouped.ts";
import { needsOwnRole } from "./judge-wall.ts";
import { oneLine, quoted } from "./sql-names.ts";
import { grantsOnTables, onList, revokes } from "./statements.ts";

/**
 * The script that takes from a role what it need not have, and gives it what it needs. To run it
 * again changes nothing.
 *
 * @param endpoints - where this was found, for whoever reads it
 */
export function wallScript(facts: WallFacts, endpoints: readonly string[]): string {
  const own = needsOwnRole(facts);
  const role = own ? `${facts.role}_read_only` : facts.role;
  const name = quoted(role);
  const sections = [
    ...(own ? [newRole(facts, role)] : [attributes(facts, name), memberships(facts, name)]),
    ...taken(facts.grants, name, own),
    reading(facts, name),
    writing(facts, name),
    byDefault(facts, name, own),
  ];
  return [
    comment(
      `A wall for the role ${facts.role} in the database ${facts.database} (${endpoints.join(", ")}).`,
      "Run it on the writer, in that database, as a superuser. A second run changes nothing.",
      "Not touched: temporary tables and new large objects. Every role may make its own, and",
      "they change nothing that is there.",
    ),
    "BEGIN;",
    ...sections.filter((section) => section !== ""),
    "COMMIT;",
    "",
  ].join("\n\n");
}

function comment(...lines: readonly string[]): string {
  return lines.map((line) => `-- ${oneLine(line)}`).join("\n");
}

/** Statements with the reason before them; nothing without statements. */
function section(why: readonly string[], statements: readonly string[]): string {
  return statements.length === 0 ? "" : [comment(...why), ...statements].join("\n");
}

function newRole({ role, superuser, byIam }: WallFacts, name: string): string {
  const make = `BEGIN CREATE ROLE ${quoted(name)} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END`;
  const statements = [`DO '${make.replaceAll("'", "''")}';`];
  if (byIam) statements.push(`GRANT "rds_iam" TO ${quoted(name)};`);
  return section(
    [
      `${role} ${superuser ? "is a superuser" : "owns what it could write"}: REVOKE takes nothing from it. Make a role of its own`,
      "for the service that must not write. Then give it a password, unless it logs in by tokens,",
      "log in as that role in the environment of the service, and run pointsman doctor again.",
    ],
    statements,
  );
}

function attributes({ attributes }: WallFacts, name: string): string {
  return section(
    ["Rights that no table is needed for."],
    attributes.map((attribute) => `ALTER ROLE ${name} NO${attribute};`),
  );
}

function memberships({ memberships, version }: WallFacts, name: string): string {
  return section(
    [
      "Roles that may write. What else they gave is gone with them.",
      ...memberships.map(({ role, because }) => `${role} ${because}.`),
    ],
    memberships.flatMap(({ role, grantors, admin }) => {
      const revoke = `REVOKE ${quoted(role)} FROM ${name}`;
      const cascade = admin ? " CASCADE" : "";
      // Before 16 there is one grant of a membership, whoever has made it.
      if (version < 16) return [`${revoke}${cascade};`];
      return grantors.map((grantor) =>
        grantor === null
          ? `${revoke}${cascade};`
          : `${revoke} GRANTED BY ${quoted(grantor)}${cascade};`,
      );
    }),
  );
}

/** @param own - whether a role is made that has nothing but what PUBLIC has */
function taken(grants: readonly Grant[], name: string, own: boolean): string[] {
  const ofRole = grants.filter(({ toPublic }) => !toPublic);
  const ofPublic = grants.filter(({ toPublic }) => toPublic);
  return [
    own ? "" : section(["Privileges beyond reading."], revokes(ofRole, name)),
    section(
      [
        "Privileges of PUBLIC. This concerns every role: grant them to those that need them.",
        "Functions are those that run with the rights of their owner (SECURITY DEFINER).",
      ],
      revokes(ofPublic, "PUBLIC"),
    ),
  ];
}

function reading({ database, schemas, allowed }: WallFacts, name: string): string {
  // One that reads nothing yet is to read all; else a schema that it leaves alone stays so.
  const isNew = schemas.every(({ readable }) => readable === 0);
  const read = schemas.filter(({ readable }) => isNew || readable > 0);
  const names = [...read.map(({ name }) => name), ...allowed.map(({ schema }) => schema)];
  const usable = [...new Set(names)];
  return section(
    ["What it reads, in the schemas that it may use. Leave out what it must not read."],
    [
      `GRANT CONNECT ON DATABASE ${quoted(database)} TO ${name};`,
      ...usable.map((schema) => `GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${name};`),
      ...read.flatMap((schema) => {
        if (schema.readableNames.length > 0) {
          return [
            comment(
              `It reads ${schema.readable} of ${schema.tables} tables of ${schema.name}, as it did.`,
            ),
            ...grantsOnTables(["SELECT"], schema.name, schema.readableNames, name),
          ];
        }
        const where = quoted(schema.name);
        return [
          `GRANT SELECT ON ALL TABLES IN SCHEMA ${where} TO ${name};`,
          ...schema.owners.map(
            (owner) =>
              `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(owner)} IN SCHEMA ${where} GRANT SELECT ON TABLES TO ${name};`,
          ),
        ];
      }),
    ],
  );
}

function writing({ allowed }: WallFacts, name: string): string {
  const sequences = allowed.flatMap((table) => table.sequences);
  return section(
    ["What it may write (allowWritesTo), with the sequences of its columns."],
    [
      ...grouped(allowed, ({ schema }) => schema).flatMap((tables) =>
        grantsOnTables(
          ["SELECT", "INSERT", "UPDATE", "DELETE"],
          tables[0].schema,
          tables.map((table) => table.name),
          name,
        ),
      ),
      ...grouped(sequences, ({ schema }) => schema).flatMap((ofSchema) =>
        onList(
          "GRANT USAGE ON SEQUENCE",
          [...new Set(ofSchema.map((one) => `${quoted(one.schema)}.${quoted(one.name)}`))],
          `TO ${name}`,
        ),
      ),
    ],
  );
}

function byDefault(facts: WallFacts, name: string, own: boolean): string {
  const setting = "default_transaction_read_only";
  const mayWrite = facts.allowed.length > 0 || facts.unmatched.length > 0;
  const statements = [
    mayWrite ? `ALTER ROLE ${name} RESET ${setting};` : `ALTER ROLE ${name} SET ${setting} = on;`,
  ];
  // What is set for the role in one database is stronger than what is set for the role.
  if (facts.setInDatabase && !own) {
    statements.push(`ALTER ROLE ${name} IN DATABASE ${quoted(facts.database)} RESET ${setting};`);
  }
  return section(
    [
      mayWrite
        ? "Its transactions are read-write by default, since it has tables to write."
        : "Its transactions are read-only by default. It could change that; the privileges hold.",
    ],
    statements,
  );
}
