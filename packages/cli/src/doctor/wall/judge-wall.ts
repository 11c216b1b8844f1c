import { bad, type Finding, look, ok } from "../finding.ts";
import type { Grant, ObjectKind, WallFacts } from "./facts.ts";
import { grouped } from "./grouped.ts";
import { nameOf } from "./needless.ts";
import { counted, few, oneLine, shown } from "./sql-names.ts";

/** Whether a role can write nothing but what is allowed. */
export function judgeWall(facts: WallFacts): Finding {
  const name = shown(facts.role);
  const found = excessOf(facts);
  if (found.length > 0) {
    return bad(
      oneLine(`${name} ${found.join("; ")}`),
      needsOwnRole(facts)
        ? "REVOKE takes nothing from a superuser or an owner: the service needs a role of its own. Run the script below as a superuser, log in as that role, and check it."
        : "Run the script below as its owner or a superuser.",
    );
  }
  const tables = facts.allowed.map((table) => nameOf({ kind: "table", ...table }));
  const may =
    tables.length === 0
      ? `${name} can write nothing`
      : `${name} can write nothing but ${counted(tables.length, "table")} (${few(tables)})`;
  const doubts = doubtsOf(facts);
  if (doubts.length === 0) return ok(oneLine(may));
  const remedies = [...new Set(doubts.map(({ remedy }) => remedy))];
  return look(
    oneLine([may, ...doubts.map((doubt) => doubt.found)].join("; ")),
    remedies.length === 1
      ? (remedies[0] ?? "")
      : remedies.map((remedy, at) => `(${at + 1}) ${remedy}`).join(" "),
  );
}

/** Whether what it has cannot be taken from it. */
export function needsOwnRole({ superuser, owned }: WallFacts): boolean {
  return superuser || owned.count > 0;
}

/** All ways in which it could write, as phrases. */
function excessOf({ superuser, owned, attributes, memberships, grants }: WallFacts): string[] {
  if (superuser) return ["is a superuser, who can write everything"];
  const found: string[] = [];
  if (owned.count > 0) {
    found.push(`owns ${counted(owned.count, "object")} (${few(owned.names, owned.count)})`);
  }
  if (attributes.length > 0) found.push(`has ${attributes.join(", ")}`);
  if (memberships.length > 0) {
    const roles = memberships.map(({ role, because }) => `${shown(role)}, which ${because}`);
    found.push(`is in ${counted(roles.length, "role")} (${few(roles)})`);
  }
  for (const ofKind of grouped(grants, ({ kind }) => kind)) {
    const objects = grouped(ofKind, ({ schema, name, args }) =>
      JSON.stringify([schema, name, args]),
    );
    found.push(`${words[ofKind[0].kind](objects.length)} (${few(objects.map(described))})`);
  }
  return found;
}

const words: Readonly<Record<ObjectKind, (count: number) => string>> = {
  table: (count) => `may write ${counted(count, "table")}`,
  sequence: (count) => `may advance ${counted(count, "sequence")}`,
  schema: (count) => `may create in ${counted(count, "schema")}`,
  database: () => "may create schemas in the database",
  routine: (count) => `may run ${counted(count, "function")} with the rights of the owner`,
  "large object": (count) => `may write ${counted(count, "large object")}`,
  default: (count) => `will be granted more by ${counted(count, "default privilege")}`,
};

/** All grants of one object. */
function described(grants: readonly [Grant, ...Grant[]]): string {
  const [first] = grants;
  const args = first.args === null ? "" : `(${first.args})`;
  const privileges = [...new Set(grants.flatMap((grant) => grant.privileges))];
  // Of some kinds of object one privilege writes, and has been told.
  const tells = first.kind === "table" || first.kind === "default";
  const by = grants.every(({ toPublic }) => toPublic) ? ", as PUBLIC" : "";
  return `${nameOf(first)}${args}${tells ? `: ${privileges.join(" ")}` : ""}${by}`;
}

interface Doubt {
  readonly found: string;
  readonly remedy: string;
}

const runScript = "Run the script below as its owner or a superuser.";

/** What is not as it is meant, though it is no danger. */
function doubtsOf({ allowed, unmatched, readOnlyByDefault, setInDatabase }: WallFacts): Doubt[] {
  const doubts: Doubt[] = [];
  const isAllowed = allowed.length > 0 || unmatched.length > 0;
  if (unmatched.length > 0) {
    doubts.push({
      found: `there is no table ${few(unmatched.map((name) => JSON.stringify(name)))}`,
      remedy: "Compare the names in allowWritesTo with those in the database.",
    });
  }
  const lacking = allowed.filter(({ missing }) => missing.length > 0);
  if (lacking.length > 0) {
    const names = lacking.map((table) => {
      return `${nameOf({ kind: "table", ...table })}: no ${table.missing.join(", ")}`;
    });
    doubts.push({ found: `it lacks privileges there (${few(names)})`, remedy: runScript });
  }
  if (isAllowed && readOnlyByDefault) {
    doubts.push({
      found: "its default_transaction_read_only is on, so that nothing can be written",
      remedy: runScript,
    });
  }
  if (!isAllowed && !readOnlyByDefault) {
    const where = setInDatabase ? "is off in this database" : "is not on";
    doubts.push({ found: `its default_transaction_read_only ${where}`, remedy: runScript });
  }
  const reaching = allowed.filter(({ reaches }) => reaches.length > 0);
  if (reaching.length > 0) {
    const names = reaching.map((table) => {
      return `${nameOf({ kind: "table", ...table })}: ${few(table.reaches)}`;
    });
    doubts.push({
      found: `writes may lead to more (${few(names)})`,
      remedy:
        "Read what these do: no privilege holds them back, and what they write is open to this role.",
    });
  }
  return doubts;
}
