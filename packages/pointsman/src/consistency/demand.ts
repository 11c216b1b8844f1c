import type { Consistency } from "./levels.ts";
import type { Line } from "./line.ts";
import type { SessionLine } from "./session.ts";

/** How fresh a statement's reads must be, and whose writes it makes. */
export interface Demand {
  /** What reads must see; `undefined`: nothing in particular. */
  readonly line: Line | undefined;
  /** The lines that must see what the statement writes. */
  readonly lines: readonly Line[];
  /** The session that it belongs to, whose reads never go back. */
  readonly session: SessionLine | undefined;
  /** Only the writer will do. */
  readonly strong: boolean;
  /** How old, in milliseconds, what reads see may be. */
  readonly maxStaleness: number | undefined;
}

/** What a pool, a scope or a query may ask for. */
export interface FreshnessWish {
  readonly consistency?: Consistency | undefined;
  /** Milliseconds. */
  readonly maxStaleness?: number | undefined;
}

/** What follows from a wish, where a statement is called. */
export function demandOf(
  { consistency, maxStaleness }: FreshnessWish,
  session: SessionLine | undefined,
  processLine: Line,
): Demand {
  const level = consistency ?? "process";
  const line =
    level === "eventual" || level === "strong"
      ? undefined
      : (session?.line ?? (level === "process" ? processLine : undefined));
  return Object.freeze({
    line,
    lines: session?.lines ?? [processLine],
    // An eventual read may show what is older, and what it shows binds nobody.
    session: level === "eventual" ? undefined : session,
    strong: level === "strong",
    maxStaleness,
  });
}
