import type { Load } from "../load/busiest.ts";
import { ratio } from "../load/load-report.ts";
import { routeOf } from "../routes/route.ts";
import type { Routed } from "../routes/table.ts";
import type { Limits, Measure } from "./check-arguments.ts";
import { type Kind, kindOf, remedyFor } from "./kinds.ts";

/** A statement, where it would go, and what it costs; one of a file has been called once. */
export interface Costly extends Routed {
  readonly calls: number;
  readonly milliseconds: number;
}

/** A statement that goes to the writer, or may. */
export type Offender<Row extends Costly> = Row & {
  readonly kind: Kind;
  /** Of all, 0 to 1. */
  readonly share: number;
};

/** A limit, and what was found. */
export interface Verdict {
  readonly of: "all" | "reads";
  /** The share that goes to the writer, and the most that may, 0 to 1. */
  readonly share: number;
  readonly limit: number;
  readonly isWithin: boolean;
}

/** What would bring statements of one reason to readers. */
export interface Remedy {
  readonly reason: string;
  /** Of all, 0 to 1. */
  readonly share: number;
  readonly pays: string;
}

export interface Judgement<Row extends Costly> {
  readonly verdicts: readonly Verdict[];
  /** What the limits are about, most costly first. */
  readonly offenders: readonly Offender<Row>[];
  readonly remedies: readonly Remedy[];
  /** What nobody knows, of all, 0 to 1; it counts as the writer's, and as reads. */
  readonly unknown: number;
}

/**
 * Holds what goes to the writer against limits.
 *
 * @param load - of all statements: what is not among the rows is unknown
 */
export function judge<Row extends Costly>(
  rows: readonly Row[],
  load: Load,
  by: Measure,
  limits: Limits,
): Judgement<Row> {
  const costOf = ({ calls, milliseconds }: Costly): number =>
    by === "time" ? milliseconds : calls;
  const all = by === "time" ? load.milliseconds : load.calls;
  const kinds = rows.map((row) => ({ row, kind: kindOf(row.answer), place: placeOf(row) }));
  const sum = (is: (one: (typeof kinds)[number]) => boolean): number =>
    kinds.filter(is).reduce((total, { row }) => total + costOf(row), 0);

  // A rounding error must not make less than nothing of what is beyond the rows.
  const beyond = Math.max(0, all - sum(() => true));
  const unknown = sum(({ kind }) => kind === "unknown") + beyond;
  const served = sum(({ place }) => place === "reader");
  const kept = sum(({ kind, place }) => kind === "read" && place === "writer");
  const bound = sum(({ kind, place }) => kind === "write" && place === "writer");
  const shares = {
    all: ratio(bound + kept + unknown, all),
    reads: ratio(kept + unknown, served + kept + unknown),
  };
  const offenders = kinds
    .filter(({ kind, place }) => place !== "reader" && place !== "nowhere" && isAsked(kind, limits))
    .map(({ row, kind }) => ({ ...row, kind, share: ratio(costOf(row), all) }))
    .sort((a, b) => b.share - a.share);
  return {
    verdicts: (["reads", "all"] as const).flatMap((of) => {
      const limit = limits[of];
      if (limit === undefined) return [];
      return [{ of, share: shares[of], limit, isWithin: shares[of] <= limit }];
    }),
    offenders,
    remedies: remediesFor(offenders),
    unknown: ratio(unknown, all),
  };
}

/** Who only limits reads does not ask for writes. */
function isAsked(kind: Kind, limits: Limits): boolean {
  return kind !== "write" || limits.all !== undefined;
}

function placeOf({ answer }: Routed): string | undefined {
  return answer && routeOf(answer).place;
}

function remediesFor(offenders: readonly Offender<Costly>[]): Remedy[] {
  const found = new Map<string, Remedy>();
  for (const { answer, kind, share } of offenders) {
    if (answer === undefined) continue;
    const { reason } = routeOf(answer);
    const pays = remedyFor(reason, kind);
    if (pays === undefined) continue;
    found.set(reason, { reason, share: (found.get(reason)?.share ?? 0) + share, pays });
  }
  return [...found.values()].sort((a, b) => b.share - a.share);
}
