import type { Reason } from "./reasons.ts";

/** The side of the cluster that a statement goes to. */
export type Target = "writer" | "reader";

/** Where a statement goes, and the one reason for it. */
export interface Route {
  readonly target: Target;
  readonly reason: Reason;
}
