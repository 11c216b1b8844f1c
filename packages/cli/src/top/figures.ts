import { type Increase, increaseOf, perSecond, slowestOf } from "./increase.ts";
import { type Quantile, quantileOf } from "./quantile.ts";
import type { LeftOut, Reading, Sample } from "./reading.ts";
import { samplesOf, sumOf, sumsBy } from "./samples.ts";
import { type ServerFigures, serversOf } from "./server-figures.ts";

export interface SideFigures {
  readonly role: string;
  readonly perSecond?: number | undefined;
  readonly errorsPerSecond?: number | undefined;
  readonly p50?: Quantile | undefined;
  readonly p95?: Quantile | undefined;
  readonly p99?: Quantile | undefined;
  readonly used: number;
  readonly idle: number;
  readonly max: number;
  readonly waiting: number;
  /** Absent: connections are not shared. */
  readonly lanes?: { readonly open: number; readonly riders: number } | undefined;
}

export interface ShareFigures {
  readonly name: string;
  /** Of reasons: where to. */
  readonly role?: string | undefined;
  readonly share: number;
}

export interface SlowFigures {
  readonly text: string;
  readonly role: string;
  readonly reason: string;
  /** Of the time of all statements, 0 to 1. */
  readonly share: number;
  readonly perSecond?: number | undefined;
  readonly meanMs: number;
  /** Since its pool was made. */
  readonly maxMs: number;
}

/** What is shown. */
export interface Figures {
  /** Process numbers; empty: nobody tells them. */
  readonly processes: readonly number[];
  /** `host:port/database` of each pool that tells it. */
  readonly pools: readonly string[];
  readonly silent: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** Of what has been there longest. */
  readonly uptimeMs?: number | undefined;
  /** What rates are of, in milliseconds; absent: there is one reading only, and shares are since the start. */
  readonly rateMillis?: number | undefined;
  /** The same for latencies and slowest statements. */
  readonly windowMillis?: number | undefined;
  readonly servers: readonly ServerFigures[];
  readonly sides: readonly SideFigures[];
  readonly reasons: readonly ShareFigures[];
  readonly freshness: readonly ShareFigures[];
  readonly searching: boolean;
  readonly waitingForWriter: number;
  /** Callers of `connect()` that wait until somebody gives a client back; they are on no side yet. */
  readonly waitingForClient: number;
  /** Since the start. */
  readonly failovers: number;
  readonly refusals: number;
  readonly connectsFailing?: number | undefined;
  readonly evictions?: number | undefined;
  readonly retries?: number | undefined;
  readonly timeouts?: number | undefined;
  /** Absent: nobody tells texts. */
  readonly slowest?: readonly SlowFigures[] | undefined;
}

/**
 * What is shown of a reading.
 *
 * @param last - the reading before, for rates
 * @param earlier - one that is longer ago, for what needs more statements than come in one interval
 */
export function figuresOf(now: Reading, last?: Reading, earlier = last): Figures {
  const all = now.parts.flatMap(({ samples }) => samples);
  const recent = last === undefined ? undefined : increaseOf(now, last);
  const window = earlier === undefined ? undefined : increaseOf(now, earlier);
  const rate = rateIn(recent);
  const answered = samplesOf(recent?.samples ?? all, "pointsman_statements_total");
  const uptimes = now.parts.flatMap(({ uptimeMs }) => uptimeMs ?? []);
  return {
    processes: [...new Set(now.parts.flatMap(({ pid }) => pid ?? []))].sort((a, b) => a - b),
    pools: now.parts.flatMap(({ pool }) => pool ?? []),
    silent: now.silent,
    leftOut: now.leftOut,
    uptimeMs: uptimes.sort((a, b) => b - a)[0],
    rateMillis: recent?.millis,
    windowMillis: window?.millis,
    servers: serversOf({ all, recent, window }),
    sides: sidesOf(all, window?.samples ?? all, recent),
    reasons: sharesOf(answered, ({ reason = "", role = "" }) => `${reason}\0${role}`),
    freshness: sharesOf(
      samplesOf(recent?.samples ?? all, "pointsman_freshness_total"),
      ({ outcome = "" }) => outcome,
    ),
    searching: sumOf(all, "pointsman_writer_searching") > 0,
    waitingForWriter: sumOf(all, "pointsman_writer_waiting"),
    waitingForClient: sumOf(all, "pointsman_connections_waiting", { role: "client" }),
    failovers: sumOf(all, "pointsman_failovers_total"),
    refusals: sumOf(all, "pointsman_refusals_total"),
    connectsFailing: rate("pointsman_connection_create_seconds_count", isFailure),
    evictions: rate("pointsman_evictions_total"),
    retries: rate("pointsman_retries_total"),
    timeouts: rate("pointsman_connection_timeouts_total"),
    slowest: slowFigures(now, all, window),
  };
}

const isFailure = ({ labels: { error = "" } }: Sample): boolean => error !== "";

/** How many a second there were of a counter. */
function rateIn(increase: Increase | undefined) {
  return (name: string, counts: (sample: Sample) => boolean = () => true): number | undefined => {
    if (increase === undefined) return undefined;
    const counted = samplesOf(increase.samples, name).filter(counts);
    return perSecond(
      counted.reduce((sum, { value }) => sum + value, 0),
      increase.millis,
    );
  };
}

const roles = ["writer", "reader"];

function sidesOf(
  all: readonly Sample[],
  window: readonly Sample[],
  recent: Increase | undefined,
): readonly SideFigures[] {
  const rate = rateIn(recent);
  const hasLanes = samplesOf(all, "pointsman_lanes").length > 0;
  return roles.flatMap((role) => {
    const ofRole = ({ labels }: Sample): boolean => labels["role"] === role;
    const max = sumOf(all, "pointsman_connections_max", { role });
    const buckets = samplesOf(window, "pointsman_statement_duration_seconds_bucket", { role });
    if (max === 0 && buckets.length === 0) return [];
    const answered = "pointsman_statement_duration_seconds_count";
    return {
      role,
      perSecond: rate(answered, ofRole),
      errorsPerSecond: rate(answered, (sample) => ofRole(sample) && isFailure(sample)),
      p50: quantileOf(buckets, 0.5),
      p95: quantileOf(buckets, 0.95),
      p99: quantileOf(buckets, 0.99),
      used: sumOf(all, "pointsman_connections", { role, state: "used" }),
      idle: sumOf(all, "pointsman_connections", { role, state: "idle" }),
      max,
      waiting: sumOf(all, "pointsman_connections_waiting", { role }),
      lanes: hasLanes
        ? {
            open: sumOf(all, "pointsman_lanes", { role }),
            riders: sumOf(all, "pointsman_lane_riders", { role }),
          }
        : undefined,
    };
  });
}

/** Shares of a sum, by a key of one part or two. */
function sharesOf(
  samples: readonly Sample[],
  keyOf: (labels: Sample["labels"]) => string,
): readonly ShareFigures[] {
  const sums = [...sumsBy(samples, keyOf)].filter(([, count]) => count > 0);
  const total = sums.reduce((sum, [, count]) => sum + count, 0);
  return sums.map(([key, count]) => {
    const [name = "", role] = key.split("\0");
    return { name, role, share: count / total };
  });
}

function slowFigures(
  now: Reading,
  all: readonly Sample[],
  window: Increase | undefined,
): readonly SlowFigures[] | undefined {
  const rows = window === undefined ? slowestOf(now) : window.slowest;
  const inAll = sumOf(window?.samples ?? all, "pointsman_statement_duration_seconds_sum") * 1000;
  return rows?.map(({ text, role, reason, count, totalMs, maxMs }) => ({
    text,
    role,
    reason,
    share: inAll > 0 ? Math.min(1, totalMs / inAll) : 0,
    perSecond: window === undefined ? undefined : perSecond(count, window.millis),
    meanMs: totalMs / count,
    maxMs,
  }));
}
