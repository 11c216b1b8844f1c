import { type Reason, reasons } from "./routing/reasons.ts";
import type { Route, Target } from "./routing/route.ts";
import type { Classification, Effect, FunctionCall, RelationName } from "./statements/types.ts";

/** What `pool.explain()` says about a text. */
export interface Explanation {
  /** Where it would go now, from where it was asked. */
  readonly target: Target;
  readonly reason: Reason;
  /** The reason as a sentence. */
  readonly because: string;
  readonly effect: Effect;
  /** The commands of the text, for example `["BEGIN", "INSERT", "COMMIT"]`. */
  readonly commands: readonly string[];
  /** Relations that it reads and writes, as they are spelled. */
  readonly tables: {
    readonly reads: readonly RelationName[];
    readonly writes: readonly RelationName[];
  };
  /** Functions that it calls, and what is known of each. */
  readonly functions: readonly FunctionCall[];
  /** The rule of `tables` for what it reads, as it was given, if there is one. */
  readonly rule?: string;
}

export function describeRoute(
  facts: Classification,
  route: Route,
  rule: string | undefined,
): Explanation {
  return {
    target: route.target,
    reason: route.reason,
    because: reasons[route.reason],
    effect: facts.effect,
    commands: facts.statements.map((statement) => statement.command),
    tables: { reads: facts.reads, writes: facts.writes },
    functions: facts.functions,
    ...(rule === undefined ? {} : { rule }),
  };
}
