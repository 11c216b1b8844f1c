import { type ClientBase, Query } from "pg";
import { requestCancel } from "./cancel-request.ts";
import type { ConnectionLife } from "./connection-life.ts";
import { isOfServer } from "./connection-loss.ts";
import { internals, isUsable } from "./pg-internals.ts";
import { QueryTimeout } from "./query-deadline.ts";
import { isSubmittable, type QueryCallback, type QueryInput } from "./query-input.ts";

/** What an aborted query rejects with: the signal's reason, or an error where that says nothing. */
export function abortReason(signal: AbortSignal): Error {
  return (signal.reason || new DOMException("This operation was aborted", "AbortError")) as Error;
}

/** The `signal` of a query's config, if it has one. */
export function signalOf(query: QueryInput): AbortSignal | undefined {
  if (typeof query !== "object" || isSubmittable(query)) return undefined;
  const { signal } = query as { signal?: unknown };
  return signal instanceof AbortSignal ? signal : undefined;
}

/** How long a server may take to answer a statement that it was asked to cancel, in milliseconds. */
const cancelMillis = 2000;

/**
 * A query that an `AbortSignal` cancels on the server. When it was not sent yet it is taken out of
 * the queue; when other statements wait behind it on the same connection it is left to finish,
 * since a cancellation that comes late would hit one of them. A connection on which the server does
 * not answer that is closed.
 *
 * @param cancelling - told of a cancel request under way, which must be over before the connection
 * is used again
 */
export function abortableQuery(
  client: ClientBase & { readonly life: ConnectionLife },
  query: QueryInput,
  values: unknown,
  signal: AbortSignal,
  callback: QueryCallback,
  cancelling: (request: Promise<void>) => void,
): Query {
  let request: Promise<void> | undefined;
  let late: NodeJS.Timeout | undefined;
  let answered = false;
  const answer: QueryCallback = (error, result) => {
    if (answered) return;
    answered = true;
    clearTimeout(late);
    signal.removeEventListener("abort", abort);
    const told = isOfServer(error) && signal.aborted ? abortReason(signal) : error;
    // On a connection that is lost there is no next statement for a late cancellation to hit.
    if (request === undefined || !isUsable(client)) callback(told, result);
    else request.then(() => callback(told, result));
  };
  const submitted = new Query(query as never, values as never, answer as never);
  Object.assign(submitted, { query_timeout: 0 });
  const abort = (): void => {
    const { _activeQuery, _queryQueue, connection } = internals(client);
    const place = _queryQueue?.indexOf(submitted) ?? -1;
    if (place >= 0) {
      _queryQueue?.splice(place, 1);
      process.nextTick(answer, abortReason(signal));
    } else if (_activeQuery === submitted && _queryQueue?.length === 0) {
      request = requestCancel(client);
      cancelling(request);
      late = setTimeout(() => {
        const error = new Error("The server did not answer a request to cancel.");
        client.life.ends("silent", error);
        connection?.stream.destroy(error);
      }, cancelMillis);
    } else if (signal.reason instanceof QueryTimeout) {
      // As in pg, its caller waits no longer.
      process.nextTick(answer, signal.reason);
    }
  };
  signal.addEventListener("abort", abort, { once: true });
  return submitted;
}
