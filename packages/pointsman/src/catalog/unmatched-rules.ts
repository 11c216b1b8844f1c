import { suggest } from "../config/suggest.ts";
import { matches, type TableRule } from "../routing/table-rules.ts";
import type { RelationName } from "../statements/types.ts";

/** A rule that no table of the database is meant by. */
export interface UnmatchedRule {
  readonly written: string;
  /** What was probably meant. */
  readonly suggestion: string | undefined;
}

/** The rules whose names match no table that there is. */
export function unmatchedRules(
  rules: readonly TableRule[],
  relations: readonly Required<RelationName>[],
): UnmatchedRule[] {
  return rules
    .filter(({ name }) => !relations.some((one) => matches(name, one.schema, one.name)))
    .map(({ written }) => ({ written, suggestion: nearest(written, relations) }));
}

/** A table in the form of the rule: with its schema where the rule has one. */
function nearest(
  written: string,
  relations: readonly Required<RelationName>[],
): string | undefined {
  const own = relations.filter(
    ({ schema }) => schema !== "pg_catalog" && schema !== "information_schema",
  );
  const star = written.endsWith(".*");
  const known = own.map(({ schema, name }) => {
    if (star) return `${schema}.*`;
    return written.includes(".") ? `${schema}.${name}` : name;
  });
  return suggest(written, [...new Set(known)]);
}
