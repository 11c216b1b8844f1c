import {
  asConfig,
  derive,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
} from "./query-input.ts";

/** What a query's signal is aborted with when its `query_timeout` is over; the message is pg's. */
export class QueryTimeout extends Error {
  constructor() {
    super("Query read timeout");
  }
}

/** A query that has a deadline, and who hears of its answer. */
export interface Limited {
  readonly query: QueryInput;
  readonly callback: QueryCallback;
}

/**
 * Gives a query up when its `query_timeout` is over, wherever it is then: waiting for a connection,
 * on its second attempt, or at work, where it is cancelled on the server.
 *
 * @param defaultMillis - the pool's; 0: none
 * @returns `undefined` when it has no deadline
 */
export function limited(
  query: QueryInput,
  defaultMillis: number,
  callback: QueryCallback,
): Limited | undefined {
  // To cursors and streams pg gives their deadline itself.
  if (isSubmittable(query)) return undefined;
  const config = asConfig(query);
  const { query_timeout: own, signal } = config as { query_timeout?: number; signal?: AbortSignal };
  // As in pg, 0 stands for the pool's.
  const millis = own || defaultMillis;
  if (!(millis > 0)) return undefined;
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new QueryTimeout()), millis);
  return {
    query: derive(config, {
      signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
      query_timeout: undefined,
    }),
    callback: (error, result) => {
      clearTimeout(timer);
      callback(error, result);
    },
  };
}
