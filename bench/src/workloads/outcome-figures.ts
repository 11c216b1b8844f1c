import type { Outcome } from "./open-loop.ts";

type Reads = Pick<Outcome, "readAt" | "readMillis">;

/** How far apart the moments are from which the time is tried to be normal, in milliseconds. */
const stepMillis = 100;
/** What no read takes on a machine that has time for it, in milliseconds. */
const tooBusyMillis = 100;

/**
 * How long all but one in a hundred of the reads took that were sent in a time, in milliseconds;
 * `undefined` when more than that failed or were never answered.
 */
export function p99({ readAt, readMillis }: Reads, from: number, to: number): number | undefined {
  const millis = readMillis
    .filter((_, place) => (readAt[place] ?? 0) >= from && (readAt[place] ?? 0) < to)
    .map((taken) => taken ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const found = millis[Math.floor(millis.length * 0.99)];
  return found === Number.POSITIVE_INFINITY ? undefined : found;
}

/** How long the slowest read took that was answered and sent later, or shortly before. */
export function slowest({ readAt, readMillis }: Reads, from: number): number {
  const shortlyBefore = from - stepMillis;
  return Math.max(
    0,
    ...readMillis.map((taken, place) => ((readAt[place] ?? 0) < shortlyBefore ? 0 : (taken ?? 0))),
  );
}

/**
 * How long after it was struck there begins a second whose reads take no longer than before:
 * at most twice the p99, and five milliseconds. `undefined` also where they took so long before that
 * the machine was too busy to show anything.
 */
export function secondsToNormal(
  outcome: Reads & Pick<Outcome, "begunAt" | "endedAt">,
  struckAt: number,
): number | undefined {
  const before = p99(outcome, outcome.begunAt, struckAt);
  if (before === undefined || before > tooBusyMillis) return undefined;
  for (let after = 0; struckAt + after + 1000 <= outcome.endedAt; after += stepMillis) {
    const now = p99(outcome, struckAt + after, struckAt + after + 1000);
    if (now !== undefined && now <= before * 2 + 5) return after / 1000;
  }
  return undefined;
}

/** The longest time in which nothing happened, in milliseconds. */
export function longestGap(times: readonly number[], from: number, to: number): number {
  const within = times.filter((at) => at < to);
  const gaps = [...within, to].map((at, place) => at - (within[place - 1] ?? from));
  return Math.max(...gaps);
}
