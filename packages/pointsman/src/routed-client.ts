import type {
  PoolClient,
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
} from "pg";
import type { FreshnessOptions } from "./consistency/read-freshness.ts";
import type { Target } from "./routing/route.ts";

/** What a query's config may say besides what `pg` knows. */
export interface RoutingHints extends FreshnessOptions {
  /**
   * Where to send this one statement. `"writer"` is always obeyed; `"reader"` never for a
   * statement that must not run there. Inside a transaction it stays where the transaction is.
   */
  target?: Target | undefined;
  /**
   * Cancels the statement on the server when it is aborted; the query then rejects with the
   * signal's reason, and its connection is given back clean. A statement that finished first is
   * answered as usual.
   */
  signal?: AbortSignal | undefined;
  /**
   * How long the statement may take, from the call to its answer, in milliseconds: waiting for a
   * connection and attempts elsewhere included. Then it is cancelled on the server, and rejects with
   * pg's "Query read timeout"; a write whose server does not answer to that either, with
   * `WRITE_OUTCOME_UNKNOWN`. Default: the pool's `query_timeout`, else as long as it likes.
   */
  query_timeout?: number | undefined;
}

/** `query` with the config fields of {@link RoutingHints}, next to pg's own forms. */
export interface RoutedQueries {
  query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: QueryArrayConfig<I> & RoutingHints,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  // The default for rows is pg's own.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  query<R extends QueryResultRow = any, I = unknown[]>(
    queryConfig: QueryConfig<I> & RoutingHints,
    values?: QueryConfigValues<I>,
  ): Promise<QueryResult<R>>;
}

/** A client that `pool.connect()` hands out. */
export type RoutedClient = PoolClient & RoutedQueries;
