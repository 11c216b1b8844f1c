import type { Demand } from "./consistency/demand.ts";
import { signalOf } from "./servers/abortable-query.ts";
import type { Habit } from "./servers/lanes/habit.ts";
import type { QueryInput } from "./servers/query-input.ts";
import type { ShadowedCall } from "./shadow/shadow-route.ts";
import type { Staging } from "./staging.ts";
import type { Classification } from "./statements/types.ts";
import type { StatementTrace } from "./telemetry/statement-trace.ts";

/** One statement on its way. */
export interface Call {
  readonly query: QueryInput;
  readonly values: unknown;
  readonly text: string | undefined;
  readonly facts: Classification;
  /** How its text has behaved before; absent where that does not matter. */
  readonly habit: Habit | undefined;
  /** How fresh what it reads must be, and whose writes it makes; absent where nobody asks. */
  readonly demand: Demand | undefined;
  /** What stands between its pool and the connections where it was called. */
  readonly staging: Staging | undefined;
  /** Tells whoever listens what becomes of it; absent while nobody does. */
  readonly trace: StatementTrace | undefined;
  /** Its text has a comment for this call alone, and is not worth preparing. */
  readonly isOneOff?: boolean;
  /** Where it would go, in shadow mode. */
  readonly shadow?: ShadowedCall | undefined;
}

/** What is known of a call's text; of one that cannot be seen nothing is. */
export function factsOf({ text, facts }: Call): Classification | undefined {
  return text === undefined ? undefined : facts;
}

/** Whether its caller has given it up. */
export function isGivenUp({ query }: Call): boolean {
  return signalOf(query)?.aborted === true;
}

/**
 * What a call has failed with, as those are told who watch. The reason with which its caller has
 * given it up need be no error, and is one for them.
 */
export function failureOf({ query }: Call, error: Error | undefined): Error | undefined {
  if (error === undefined || typeof error === "object") return error;
  const signal = signalOf(query);
  if (signal?.aborted !== true || signal.reason !== error) return error;
  return new DOMException(String(error), { name: "AbortError", cause: error });
}
