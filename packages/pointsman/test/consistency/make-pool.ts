import { createPool, Pool, type PoolOptions } from "pointsman";
import { hasSessions } from "./in-session.ts";

/**
 * Ways to break freshness, each of which the checker must find:
 *
 * - `eventual`: no guard at all, by the option for it.
 * - `proof-behind-read`: a reader proves that it is far enough behind the read only; by then it may
 *   have replayed what the read did not see yet.
 * - `no-timeline`: a position is a place in the WAL, whichever timeline it is of. Takes a promotion.
 * - `writer-reads-not-counted`: what a session has read on the writer does not bind its later reads.
 * - `position-before-commit`: the position of a transaction is taken before its COMMIT.
 */
export type Sabotage =
  | "eventual"
  | "proof-behind-read"
  | "no-timeline"
  | "writer-reads-not-counted"
  | "position-before-commit";

/** What makes a build of the library a broken one, for those that can be had. */
const sabotages: Partial<Record<Sabotage, object>> = {
  // Without sessions there is no guard to turn off, nor an option for it.
  eventual: hasSessions(Pool.prototype) ? { consistency: "eventual" } : {},
};

/** Whether there is a build with this sabotage. */
export function canSabotage(sabotage: Sabotage): boolean {
  return sabotages[sabotage] !== undefined;
}

/** The endpoints of a process: plain data, so that it can be sent to a thread. */
export interface PoolRequest {
  readonly writer: string;
  /** One reader endpoint, or the readers one by one; none of them for a pool on one server. */
  readonly readers: string | readonly string[];
  readonly sabotage?: Sabotage | undefined;
}

export function makePool({ writer, readers, sabotage }: PoolRequest): Pool {
  const broken = sabotage === undefined ? {} : sabotages[sabotage];
  if (broken === undefined) throw new Error(`There is no build with the sabotage ${sabotage}.`);
  const options: PoolOptions = {
    writer,
    ...(typeof readers === "string" ? { reader: readers } : readers.length > 0 ? { readers } : {}),
    writerPool: { max: 10 },
    readerPool: { max: 10 },
    ...broken,
  };
  return createPool(options);
}
