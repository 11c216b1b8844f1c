/**
 * How fresh reads must be.
 *
 * - `eventual`: a reader may be behind, by however much.
 * - `session`: inside `pool.session()` a read sees the session's own writes, and never less than the
 *   session has seen before. Outside of sessions: `eventual`.
 * - `process`: the same inside sessions; outside of them a read sees everything that the process has
 *   written before.
 * - `strong`: reads go to the writer.
 */
export type Consistency = "eventual" | "session" | "process" | "strong";

/** All levels, from the weakest on. */
export const consistencyLevels = [
  "eventual",
  "session",
  "process",
  "strong",
] as const satisfies readonly Consistency[];

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000 };

/**
 * A time span as it may be given: milliseconds, or a text such as `"500ms"`, `"5s"`, `"1m"`.
 *
 * @returns milliseconds; `undefined` for what is none
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value > 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, amount = "", unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min)\s*$/.exec(value) ?? [];
  const millis = Number(amount) * (units[unit] ?? Number.NaN);
  return Number.isFinite(millis) && millis > 0 ? millis : undefined;
}
