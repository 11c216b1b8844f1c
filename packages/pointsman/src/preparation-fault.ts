import { onlyReads } from "./lost-statement.ts";
import type { Classification } from "./statements/types.ts";

interface ServersError {
  readonly code?: string;
  readonly routine?: string;
  readonly severity?: string;
}

/** Whether a statement was cancelled: by a time limit of the server's, or because somebody asked. */
export function isCancelled(error: Error): boolean {
  return (error as ServersError).code === "57014";
}

/**
 * Whether a statement may have failed because it was prepared, and not by what it says: its prepared
 * statement is gone, or its tables have changed since, so that its result or its parameters are of
 * other types. Such an error comes before anything was done, or undoes it.
 *
 * A read may as well be tried once more whatever has happened; PostgreSQL names the prepared
 * statement in some of its messages, and callers must not wonder about that.
 */
export function mayBePreparationsFault(error: Error, facts: Classification): boolean {
  const { code = "", routine, severity } = error as ServersError;
  if (severity !== "ERROR" || code === "57014") return false;
  if (onlyReads(facts)) return true;
  if (code === "0A000") return routine === "RevalidateCachedQuery";
  if (missing.has(code)) return true;
  // 22: a value does not fit a type; 42: names or types that are not there any more.
  return facts.repeatable && (code.startsWith("22") || code.startsWith("42"));
}

/** Whether a server has not the prepared statements that its connection is thought to have. */
export function areTheyGone(code: string): boolean {
  return code === "26000" || code === "42P05";
}

/** Whether an error would tell a caller of a prepared statement that is not the caller's. */
export function tellsOfPreparation(error: Error): boolean {
  const { code = "", routine } = error as ServersError;
  return missing.has(code) || routine === "RevalidateCachedQuery";
}

/**
 * Whether a prepared statement may be out of date: its result, its parameters or the names in it are
 * of other types by now, or gone.
 */
export function mayBeOutdated(code: string): boolean {
  return code === "0A000" || code === "08P01" || code.startsWith("22") || code.startsWith("42");
}

/** No such prepared statement; it is there already; not as many parameters as it has. */
const missing: ReadonlySet<string> = new Set(["26000", "42P05", "08P01"]);
