import type { Cause } from "./catalog/causes.ts";
import { type Reason, reasons } from "./routing/reasons.ts";
import type { Route, Target } from "./routing/route.ts";
import { withoutCounts } from "./statements/judge-text.ts";
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
  /**
   * What the database tells of its own functions, views, operators, casts and types that the text leads
   * to. Empty where it was not asked.
   */
  readonly causes: readonly Cause[];
  /** The rule of `tables` for what it reads, as it was given, if there is one. */
  readonly rule?: string;
  /** What a reader has said when it refused this text: PostgreSQL's message. */
  readonly refusal?: string;
  /** With `shadow`: where it would go without. */
  readonly shadow?: Pick<Explanation, "target" | "reason" | "because">;
}

/** What is known of a text besides what it says. */
interface Known {
  readonly rule: string | undefined;
  readonly causes: readonly Cause[];
  readonly refusal: string | undefined;
}

export function describeRoute(
  facts: Classification,
  route: Route,
  { rule, causes, refusal }: Known,
  shadow?: Route,
): Explanation {
  return {
    ...told(route),
    effect: facts.effect,
    commands: facts.statements.map((statement) => statement.command),
    tables: { reads: facts.reads, writes: facts.writes },
    functions: withoutCounts(facts.functions),
    causes,
    ...(rule === undefined ? {} : { rule }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(shadow === undefined ? {} : { shadow: told(shadow) }),
  };
}

function told({ target, reason }: Route): Pick<Explanation, "target" | "reason" | "because"> {
  return { target, reason, because: reasons[reason] };
}
