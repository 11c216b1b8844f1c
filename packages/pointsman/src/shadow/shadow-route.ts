import type { RouteContext } from "../routing/decide.ts";
import type { Reason } from "../routing/reasons.ts";
import type { Route, Target } from "../routing/route.ts";

/** Where a statement would have gone with `shadow` off, while it ran on the writer. */
export interface ShadowRoute {
  readonly target: Target;
  readonly reason: Reason;
  /**
   * Why it would have failed, though it has succeeded on the writer; absent: nothing is known of
   * that. What only a reader itself can tell is never known here.
   */
  readonly refusal?: string;
  /**
   * For a read that a reader would have got: milliseconds from the answer of the last write that it
   * must see to its call. Absent: there was none.
   */
  readonly sinceWriteMs?: number;
  /**
   * How long, in milliseconds, a write took to reach the slowest reader when that was measured
   * last. Absent: there is no reader, or it could not be measured of late.
   */
  readonly lagMs?: number;
}

/** What is known of a statement when it is called. */
export interface NotedCall {
  readonly context: RouteContext;
  /** What the `route` hook has failed with, in a sentence. */
  readonly hookProblem: string | undefined;
  /** Milliseconds since the last write that it must see, if there was one. */
  readonly sinceWriteMs: number | undefined;
}

/** A statement whose route with `shadow` off is known. */
export interface ShadowedCall extends NotedCall {
  readonly route: Route;
  /** It has a connection to itself: what it writes can be seen when it is answered. */
  readonly isAlone: boolean;
}
