import type { Count, Goal, Result } from "./benchmark.ts";
import type { Spread } from "./statistics.ts";

/** A goal and what came of it. */
export interface GoalOutcome {
  readonly name: string;
  readonly goal: number;
  readonly bound: "at most" | "at least";
  /** The median over the rounds; `null` when nothing was measured. */
  readonly measured: number | null;
  readonly spread?: Spread;
  /** Whether the median keeps the goal; absent when nothing was measured. */
  readonly ok?: boolean;
}

/** @throws TypeError for a goal without a bound, or with two */
export function evaluateGoal(
  goal: Goal,
  results: readonly Result[],
  counts: readonly Count[] = [],
): GoalOutcome {
  const { name, atMost, atLeast } = goal;
  const limit = atMost ?? atLeast;
  if (limit === undefined || (atMost !== undefined && atLeast !== undefined)) {
    throw new TypeError(`The goal "${name}" must have one of atMost and atLeast.`);
  }
  const bound = atMost === undefined ? "at least" : "at most";
  const spread = goal.measured(results, counts);
  if (spread === undefined) return { name, goal: limit, bound, measured: null };
  const { median } = spread;
  const ok = bound === "at most" ? median <= limit : median >= limit;
  return { name, goal: limit, bound, measured: median, spread, ok };
}
