import { ClusterError } from "./errors.ts";

// What PostgreSQL's settings and Node's timers take.
const MOST = 2 ** 31 - 1;

/**
 * Checks a time that was given.
 *
 * @param what it is, to begin a sentence with
 * @throws ClusterError `INVALID_OPTION`
 */
export function wholeMilliseconds(what: string, given: number): number {
  if (Number.isInteger(given) && given >= 0 && given <= MOST) return given;
  throw new ClusterError(
    "INVALID_OPTION",
    `${what} of ${given} makes no sense. Give whole milliseconds, 0 for none.`,
  );
}
