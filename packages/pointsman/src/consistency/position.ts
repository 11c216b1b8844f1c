/**
 * How far a writer's history has come. Positions of one maker, system and timeline are ordered by
 * `at`; with anything else they have nothing in common.
 */
export interface Position {
  /** What `at` counts: bytes of WAL, or transaction ids. */
  readonly maker: "wal" | "xid";
  /** The system identifier of the cluster; empty where it may not be asked. */
  readonly system: string;
  readonly timeline: number;
  readonly at: number;
}

/** Whether who has come to `reached` has seen all that belongs to `wanted`. */
export function covers(reached: Position | undefined, wanted: Position): boolean {
  return reached !== undefined && sameHistory(reached, wanted) && reached.at >= wanted.at;
}

export function sameHistory(a: Position, b: Position): boolean {
  return a.maker === b.maker && a.timeline === b.timeline && a.system === b.system;
}

/**
 * The later one of two positions of a cluster. That of a newer timeline is later than any of an
 * older one: what is not part of the newer one is lost.
 *
 * @returns `undefined` when they cannot be compared
 */
export function later(a: Position, b: Position): Position | undefined {
  if (a.maker !== b.maker || a.system !== b.system) return undefined;
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b;
  return a.at >= b.at ? a : b;
}
