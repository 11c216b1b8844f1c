import { AsyncResource } from "node:async_hooks";
import {
  type CustomTypesConfig,
  Client as PgClient,
  type QueryArrayConfig,
  type QueryArrayResult,
  type QueryConfig,
  type QueryConfigValues,
  type QueryResult,
  type QueryResultRow,
  type Submittable,
  type TransactionStatus,
} from "pg";
import type { Config } from "../config/config.ts";
import type { PoolOptions } from "../config/options.ts";
import type { RoutingHints } from "../routed-client.ts";
import { inCallersContext } from "../servers/callers-context.ts";
import { internals } from "../servers/pg-internals.ts";
import { limited } from "../servers/query-deadline.ts";
import {
  asConfig,
  derive,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  withCallersStack,
} from "../servers/query-input.ts";
import { type ClientOptions, readClientOptions } from "./client-options.ts";
import { ClientSession } from "./client-session.ts";
import { type Called, failLater } from "./statement.ts";

type Callback<R> = (error: Error, result: R) => void;

/** The fields of a `pg.Client` that this one keeps up to date for those who look at them. */
interface PgFields {
  _queryable: boolean;
  _ending: boolean;
  _ended: boolean;
  _connecting: boolean;
  _connected: boolean;
  readonly _types: CustomTypesConfig & { setTypeParser(...args: unknown[]): void };
}

/**
 * A `pg.Client` that is a conversation over a pool: each of its statements goes where it belongs,
 * and all Clients of one process with the same configuration share their connections.
 *
 * While it is idle it holds none, unless something of it lives there: an open transaction, LISTEN, a
 * temporary table, a session-level lock. That connection is its own until the transaction is over,
 * or else until DISCARD ALL or `end()`. Settings made by SET are kept apart from other Clients', and
 * hold on readers too.
 *
 * `processID` is that of the writer's connection that it holds, and `null` while it holds none.
 *
 * @example
 * ```ts
 * import { Client } from "pointsman/pg";
 *
 * const client = new Client({
 *   connectionString: "postgres://app@writer.example.com/shop",
 *   reader: "postgres://app@reader.example.com/shop",
 * });
 * await client.connect();
 * const { rows } = await client.query("select * from books where id = $1", [1]); // a reader
 * await client.query("update books set stock = stock - 1 where id = $1", [1]); // the writer
 * await client.end();
 * ```
 */
export class Client extends PgClient {
  /** The process on the writer whose connection it holds; `null`: it holds none. */
  declare readonly processID: number | null;
  /** What a request to cancel needs besides; `null`: it holds no connection to the writer. */
  declare readonly secretKey: number | null;
  readonly #options: PoolOptions;
  readonly #config: Config;
  /** Milliseconds that a statement may take; 0: any time. */
  readonly #queryTimeout: number;
  /** Parsers of values that its queries have which have none of their own. */
  #types: CustomTypesConfig | undefined;
  #session: ClientSession | undefined;
  /** What was called before it was connected. */
  readonly #early: Called[] = [];

  /**
   * @param options - those of `pg.Client` and of {@link PoolOptions}, or a URL; what is left out
   * comes from the environment, as for `createPool()`
   * @throws ConfigError for the first mistake in options or environment, and for `replication`,
   * which needs a connection of its own
   */
  constructor(options?: string | ClientOptions) {
    const read = readClientOptions(options);
    super(read.identity);
    this.#options = read.shared;
    this.#config = read.config;
    this.#queryTimeout = read.queryTimeout;
    this.#types = read.types;
    const of = (name: "processID" | "secretKey") => ({
      get: (): number | null => {
        const { client } = this.#session ?? {};
        return client === undefined ? null : (internals(client)[name] ?? null);
      },
      enumerable: true,
      configurable: true,
    });
    const unused = internals(this).connection;
    Object.defineProperties(this, {
      processID: of("processID"),
      secretKey: of("secretKey"),
      connection: {
        get: () => (this.#session?.client && internals(this.#session.client).connection) ?? unused,
        enumerable: false,
        configurable: true,
      },
      setTypeParser: {
        value: (...args: unknown[]): void => {
          const { _types } = this.#fields;
          _types.setTypeParser(...args);
          // Those of its options are among them.
          this.#types = _types;
        },
        writable: true,
        configurable: true,
      },
    });
    this.on("newListener" as "end", ((event: string) => this.#session?.forward(event)) as never);
  }

  get #fields(): PgFields {
    return this as unknown as PgFields;
  }

  override connect(): Promise<Client>;
  override connect(
    callback: ((error: Error) => void) | ((error: null, client: Client) => void),
  ): void;
  override connect(callback?: unknown): Promise<Client> | undefined {
    const opened = this.#connect();
    if (typeof callback !== "function") return opened.catch(withCallersStack);
    const told = inCallersContext(callback as (error: Error | null, client?: Client) => void);
    opened.then(
      () => process.nextTick(told, null, this),
      (error: Error) => process.nextTick(told, error),
    );
    return undefined;
  }

  async #connect(): Promise<Client> {
    const fields = this.#fields;
    if (fields._connecting || fields._connected) {
      throw new Error("Client has already been connected. You cannot reuse a client.");
    }
    fields._connecting = true;
    const session = new ClientSession(this.#options, this.#config, {
      emit: (event, ...args) => {
        if (this.listenerCount(event) > 0) this.emit(event as "error", ...(args as [Error]));
      },
      listens: (event) => this.listenerCount(event) > 0,
      lost: (error) => {
        fields._queryable = false;
        fields._ended = true;
        if (this.listenerCount("error") > 0) this.emit("error", error);
        process.nextTick(() => this.emit("end"));
      },
    });
    this.#session = session;
    for (const statement of this.#early.splice(0)) session.send(statement);
    await session.open();
    fields._connecting = false;
    fields._connected = true;
    this.emit("connect");
    return this;
  }

  override query<T extends Submittable>(queryStream: T): T;
  override query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: QueryArrayConfig<I> & RoutingHints,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  // The default for rows is pg's own: what accepts a pg.Client must accept this one.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override query<R extends QueryResultRow = any, I = any>(
    queryConfig: QueryConfig<I> & RoutingHints,
  ): Promise<QueryResult<R>>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override query<R extends QueryResultRow = any, I = unknown[]>(
    queryTextOrConfig: string | (QueryConfig<I> & RoutingHints),
    values?: QueryConfigValues<I>,
  ): Promise<QueryResult<R>>;
  override query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: QueryArrayConfig<I> & RoutingHints,
    callback: Callback<QueryArrayResult<R>>,
  ): void;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override query<R extends QueryResultRow = any, I = unknown[]>(
    queryTextOrConfig: string | (QueryConfig<I> & RoutingHints),
    callback: Callback<QueryResult<R>>,
  ): void;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override query<R extends QueryResultRow = any, I = unknown[]>(
    queryText: string,
    values: QueryConfigValues<I>,
    callback: Callback<QueryResult<R>>,
  ): void;
  override query(query: unknown, values?: unknown, callback?: unknown): unknown {
    if (query === null || query === undefined) {
      throw new TypeError("Client was passed a null or undefined query");
    }
    const own = (query as { callback?: unknown }).callback;
    if (isSubmittable(query)) {
      const given = [own, values, callback].find((one) => typeof one === "function");
      if (given !== undefined) Reflect.set(query, "callback", given);
      this.#send(query, undefined, undefined);
      return query;
    }
    const given = callback ?? (typeof values === "function" ? values : own);
    const parameters = typeof values === "function" ? undefined : values;
    if (given !== undefined) {
      if (typeof given !== "function") throw new TypeError("callback is not a function");
      this.#send(query as QueryInput, parameters, given as QueryCallback);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#send(query as QueryInput, parameters, (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    }).catch(withCallersStack);
  }

  #send(query: QueryInput, values: unknown, callback: QueryCallback | undefined): void {
    const limit = callback && limited(query, this.#queryTimeout, callback);
    const statement: Called = {
      query: this.#withTypes(snapshot(limit?.query ?? query)),
      values,
      callback: limit?.callback ?? callback,
      context: new AsyncResource("pointsman.statement"),
    };
    const { _queryable, _ending } = this.#fields;
    if (!_queryable)
      failLater(
        statement,
        new Error("Client has encountered a connection error and is not queryable"),
      );
    else if (_ending) failLater(statement, new Error("Client was closed and is not queryable"));
    else if (this.#session === undefined) this.#early.push(statement);
    else this.#session.send(statement);
  }

  #withTypes(query: QueryInput): QueryInput {
    const own = this.#types;
    if (own === undefined) return query;
    if (isSubmittable(query)) {
      const { _result } = query as { _result?: { _types?: unknown } };
      if (_result !== undefined) _result._types ??= own;
      return query;
    }
    const config = asConfig(query);
    return config.types === undefined ? derive(config, { types: own }) : config;
  }

  override getTransactionStatus(): TransactionStatus {
    if (!this.#fields._connected) return null;
    return this.#session?.client?.getTransactionStatus() ?? "I";
  }

  /** Keeps the process alive for the sake of the connection that it holds, if any. The default. */
  ref(): void {
    this.#session?.ref(true);
  }

  /** Lets the process end though it holds a connection. */
  unref(): void {
    this.#session?.ref(false);
  }

  /**
   * Ends it: statements that are under way fail, and an open transaction is rolled back. The pool is
   * ended with the last Client that shares it.
   */
  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    const ended = this.#end();
    if (callback === undefined) return ended;
    ended.then(callback as () => void, callback);
    return undefined;
  }

  async #end(): Promise<void> {
    const fields = this.#fields;
    const isFirst = !fields._ending;
    fields._ending = true;
    const session = this.#session;
    if (session === undefined) return;
    await session.end();
    if (!isFirst || fields._ended) return;
    fields._ended = true;
    process.nextTick(() => this.emit("end"));
  }
}
