import { type Place, routeOf } from "../routes/route.ts";
import type { Routed } from "../routes/table.ts";
import type { BusyStatement, Load } from "./busiest.ts";

/** A busy statement, and where it would go. */
export type BusyRoute = BusyStatement & Routed;

/** What goes to one place, of all that a database is asked. */
export interface Share extends Load {
  /** Of all calls, and of all the time: 0 to 1. */
  readonly ofCalls: number;
  readonly ofTime: number;
}

/** Who would serve which share of a load; `rest` is what nobody can tell of. */
export type LoadReport = Readonly<Record<Place | "rest", Share>>;

/** Sums up who would serve what. What was not among the busiest belongs to the rest. */
export function reportOf(rows: readonly BusyRoute[], load: Load): LoadReport {
  const at = (place: Place): Share => {
    const routed = rows.filter(({ answer }) => answer && routeOf(answer).place === place);
    return shareOf(sumOf(routed), load);
  };
  const known = sumOf(rows.filter(({ answer }) => answer !== undefined));
  const rest = {
    statements: load.statements - known.statements,
    calls: load.calls - known.calls,
    milliseconds: load.milliseconds - known.milliseconds,
  };
  return {
    reader: at("reader"),
    writer: at("writer"),
    nowhere: at("nowhere"),
    rest: shareOf(rest, load),
  };
}

function sumOf(rows: readonly BusyRoute[]): Load {
  const sum = (of: (row: BusyRoute) => number): number =>
    rows.reduce((total, row) => total + of(row), 0);
  return {
    statements: rows.length,
    calls: sum(({ calls }) => calls),
    milliseconds: sum(({ milliseconds }) => milliseconds),
  };
}

function shareOf(part: Load, whole: Load): Share {
  return {
    ...part,
    ofCalls: ratio(part.calls, whole.calls),
    ofTime: ratio(part.milliseconds, whole.milliseconds),
  };
}

export function ratio(part: number, whole: number): number {
  // What is left after subtracting may be less than nothing by a rounding error.
  return whole === 0 ? 0 : Math.max(0, part / whole);
}

/** Such as `12.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
