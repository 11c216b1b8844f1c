import type { UnmatchedRule } from "../catalog/unmatched-rules.ts";
import { warn } from "./warnings.ts";

/** Names in the option `tables` match no table of the database. */
export function warnOfUnmatchedRules(rules: readonly UnmatchedRule[]): void {
  if (rules.length === 0) return;
  const told = rules.map(({ written, suggestion }) =>
    suggestion === undefined ? written : `${written} (did you mean ${suggestion}?)`,
  );
  warn(
    "POINTSMAN_TABLE_UNKNOWN",
    `The option tables has rules that match no table of the database: ${told.join(", ")}. They hold as soon as there is one.`,
  );
}
