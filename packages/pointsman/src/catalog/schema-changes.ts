import type { Classification, Statement } from "../statements/types.ts";

/** Commands of which nothing depends that routing looks at. */
const harmless: ReadonlySet<string> = new Set([
  "GRANT",
  "REVOKE",
  "COMMENT",
  "CREATE INDEX",
  "CREATE STATISTICS",
  "CREATE TRIGGER",
  "SECURITY LABEL",
]);

/**
 * What a text may do to what the catalog tells: it surely belongs to what is told there, it may do
 * anything, or it does nothing to it.
 */
export type SchemaEffect = "changes" | "may change" | undefined;

const known = new WeakMap<Classification, SchemaEffect>();

/** Whether a text may change what the catalog tells of the database. */
export function schemaEffect(facts: Classification): SchemaEffect {
  if (facts.effect !== "write") return undefined;
  if (known.has(facts)) return known.get(facts);
  const effect = judge(facts);
  known.set(facts, effect);
  return effect;
}

function judge({ statements }: Classification): SchemaEffect {
  if (statements.length === 0) return "may change";
  if (statements.some(changes)) return "changes";
  // Procedures and blocks may run anything.
  return statements.some(({ verdict }) => verdict === "procedure") ? "may change" : undefined;
}

function changes({ verdict, command }: Statement): boolean {
  return verdict === "schema-change" && !harmless.has(command);
}
