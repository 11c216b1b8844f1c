import { type ClientBase, Query } from "pg";
import { requestCancel } from "./cancel-request.ts";
import { internals } from "./pg-internals.ts";
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

/**
 * A query that an `AbortSignal` cancels on the server. When it was not sent yet it is taken out of
 * the queue; when other statements wait behind it on the same connection it is left to finish,
 * since a cancellation that comes late would hit one of them.
 *
 * @param cancelling - told of a cancel request under way, which must be over before the connection
 * is used again
 */
export function abortableQuery(
  client: ClientBase,
  query: QueryInput,
  values: unknown,
  signal: AbortSignal,
  callback: QueryCallback,
  cancelling: (request: Promise<void>) => void,
): Query {
  let request: Promise<void> | undefined;
  const answer: QueryCallback = (error, result) => {
    signal.removeEventListener("abort", abort);
    const deliver = (): void =>
      callback(error && signal.aborted ? abortReason(signal) : error, result);
    if (request === undefined) deliver();
    else request.then(deliver);
  };
  const submitted = new Query(query as never, values as never, answer as never);
  Object.assign(submitted, { query_timeout: (query as { query_timeout?: number }).query_timeout });
  const abort = (): void => {
    const { _activeQuery, _queryQueue } = internals(client);
    const place = _queryQueue?.indexOf(submitted) ?? -1;
    if (place >= 0) {
      _queryQueue?.splice(place, 1);
      process.nextTick(answer, abortReason(signal));
    } else if (_activeQuery === submitted && _queryQueue?.length === 0) {
      request = requestCancel(client);
      cancelling(request);
    }
  };
  signal.addEventListener("abort", abort, { once: true });
  return submitted;
}
