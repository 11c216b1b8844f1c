import type { Fields } from "./parse-tree.ts";
import type { QueryWalk } from "./query-walk.ts";
import type { Effect, SessionState, TransactionControl } from "./types.ts";
import type { Verdict } from "./verdicts.ts";

/** What is said of one statement, next to what was found in it. */
export interface Judgement {
  readonly command: string;
  readonly effect: Effect;
  readonly verdict: Verdict;
  readonly session?: readonly SessionState[];
  readonly transaction?: TransactionControl;
  /** `true` if it can commit by itself, refuses a transaction block, or acts outside the database. */
  readonly once?: boolean;
  /** It is planned, and not run. */
  readonly onlyPlanned?: boolean;
}

/** Judges statements of one type; what it walks through is found in `walk.findings`. */
export type Judge = (fields: Fields, walk: QueryWalk) => Judgement;
