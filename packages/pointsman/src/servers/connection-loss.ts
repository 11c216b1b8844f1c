import type { ServerError } from "./pg-internals.ts";

/** What the network says of a server that cannot be reached, at least now. */
const unreachable: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  // A name that is being moved may be nowhere for a moment.
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** What a connection is cut with on which nothing comes any more. */
export class SilenceError extends Error {}

/** A connection is broken though its server is well, and knows nothing of what was sent. */
export class LostWithoutAWord extends SilenceError {
  constructor(endpoint: string) {
    super(`The connection to ${endpoint} was lost without a word.`);
  }
}

/** What `pg` says of a connection that ended while it was opened: none of it has a code. */
const endedWhileOpening =
  /^(Connection terminated unexpectedly|Connection terminated: |timeout expired)/;

/** What pg-pool says when the time of a caller is up, whose fault that may be. */
const outOfTime = "Connection terminated due to connection timeout";

/** What it says when that caller was waiting for one of others. */
const noneInTime = "timeout exceeded when trying to connect";

/** Whether the server was going away when it answered: shut down, crashed, or not up yet. */
export function isServerGoingAway(error: unknown): boolean {
  const code = (error as ServerError | null | undefined)?.code;
  return code === "57P01" || code === "57P02" || code === "57P03";
}

/** Whether a connection was given up since it took longer to open than its caller waits. */
export function isOutOfTime(error: Error): boolean {
  return error.message === outOfTime;
}

/** What somebody is told who has waited for a connection as long as he may. */
export function waitedInVain(): Error {
  return new Error(noneInTime);
}

/** Whether somebody has got no connection within `connectionTimeoutMillis`. */
export function hasWaitedInVain(error: Error): boolean {
  const { code, message } = error as Error & { readonly code?: string };
  return code === undefined && (message === noneInTime || message === outOfTime);
}

/** Whether a connection could not be opened for a reason that may pass by itself. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message, cause } = error as Error & { readonly code?: string };
  if (message === outOfTime) return false;
  if (unreachable.has(code) || isServerGoingAway(error)) return true;
  // It was cut while it was opened.
  if (error instanceof SilenceError) return true;
  if (code === undefined && endedWhileOpening.test(message)) return true;
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  return isUnreachable(cause);
}

/** An error that the server itself has sent, as opposed to one of the connection to it. */
export function isOfServer(error: unknown): boolean {
  return typeof (error as { severity?: unknown } | null | undefined)?.severity === "string";
}
