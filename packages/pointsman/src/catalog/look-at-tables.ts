import type { TableRule } from "../routing/table-rules.ts";
import type { SettlingPool } from "../servers/settling-pool.ts";
import { warnOfUnmatchedRules } from "../telemetry/policy-warnings.ts";
import { atFirstRelease } from "./first-release.ts";
import { askRelations } from "./relations.ts";
import { unmatchedRules } from "./unmatched-rules.ts";

/**
 * Holds the rules of a pool against its database once, and tells of those that match no table.
 *
 * @param learn - called with the schemas in which names without one are looked for
 */
export function lookAtTables(
  rules: readonly TableRule[],
  learn: (searchPath: readonly string[]) => void,
  pools: readonly SettlingPool[],
): void {
  if (rules.length === 0) return;
  atFirstRelease(pools, async (client) => {
    const known = await askRelations(client);
    if (known === undefined) return;
    learn(known.searchPath);
    if (known.relations !== undefined) warnOfUnmatchedRules(unmatchedRules(rules, known.relations));
  });
}
