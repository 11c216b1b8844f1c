import type { PoolClient } from "pg";
import type { Demand } from "./consistency/demand.ts";
import type { Line } from "./consistency/line.ts";
import type { Target } from "./routing/route.ts";

/** Hears of a connection that was taken, as of one that a pool has lent. */
export type Taken = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/**
 * What becomes of somebody who wants a connection: it is called back about, the pool gives one as
 * ever, no reader can be reached, or none has what the statement must see.
 */
export type Taking = "taken" | "as ever" | "unreachable" | "behind";

/**
 * Stands between a pool and its connections for the code in a scope: where statements go is decided
 * as ever, and what they find there is another matter. Tests of applications are made with it.
 */
export interface Staging {
  /** What it is called by those who open it. */
  readonly name: string;
  /** The pools whose statements it concerns, each with its side. */
  readonly pools: ReadonlyMap<object, Target>;
  /** Takes the place of the line of the process, where writes inside concern nobody outside. */
  readonly line?: Line | undefined;
  /** Takes a connection to a side, for a statement with these demands if they are known. */
  take(side: Target, demand: Demand | undefined, callback: Taken): Taking;
  /** Gets each connection to a reader that the pool gives as ever, and hands it on. */
  through?(client: PoolClient, hand: (client: PoolClient) => void): void;
  /** Hears of a statement that the writer has answered. */
  answered?(demand: Demand | undefined, writes: boolean): void;
}
