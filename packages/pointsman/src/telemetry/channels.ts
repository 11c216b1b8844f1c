import { channel } from "node:diagnostics_channel";
import type { Target } from "../routing/route.ts";
import type { ShadowRoute } from "../shadow/shadow-route.ts";
import type { Effect } from "../statements/types.ts";

/**
 * Published on `pointsman:statement` when a statement has been answered, in the asynchronous
 * context of its caller.
 */
export interface StatementEvent {
  /** The SQL text, without its values. */
  readonly text: string;
  readonly effect: Effect;
  /** Where it was sent, and why. */
  readonly target: Target;
  readonly reason: string;
  /** `host:port` of the endpoint that served it, as it was configured. */
  readonly endpoint: string;
  /** Milliseconds from the call until the answer was complete, waiting for a connection included. */
  readonly durationMs: number;
  /** The error, when it failed. */
  readonly error?: unknown;
  /** With `shadow`: where it would have gone without, and what is known of how that had ended. */
  readonly shadow?: ShadowRoute;
}

/**
 * The `node:diagnostics_channel` that carries one {@link StatementEvent} for each statement. It
 * costs nothing while nobody listens.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 *
 * subscribe("pointsman:statement", (event) => console.log(event));
 * ```
 */
export const statementChannel = channel("pointsman:statement");
