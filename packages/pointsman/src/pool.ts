import { AsyncResource } from "node:async_hooks";
import type {
  Pool as PgPool,
  PoolConfig as PgPoolConfig,
  PoolClient,
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from "pg";
import { AmbientTransaction } from "./ambient-transaction.ts";
import type { Call } from "./call.ts";
import { Catalog } from "./catalog/catalog.ts";
import type { CatalogWatch } from "./catalog/catalog-watch.ts";
import { lookAtTables } from "./catalog/look-at-tables.ts";
import { openCatalog } from "./catalog/open-catalog.ts";
import { type RefinedText, refiningClassifier } from "./catalog/refining-classifier.ts";
import { Conversation, type ConversationHome } from "./client.ts";
import { type Config, resolveConfig } from "./config/config.ts";
import { hideSecrets } from "./config/endpoint.ts";
import type { PoolOptions } from "./config/options.ts";
import { checkMode } from "./config/routing-options.ts";
import { Freshness } from "./consistency/freshness.ts";
import { introduce } from "./consistency/introduction.ts";
import { readFreshness } from "./consistency/read-freshness.ts";
import type { Session } from "./consistency/session.ts";
import { checkSessionOptions, type SessionOptions } from "./consistency/session-options.ts";
import { describeRoute, type Explanation } from "./explanation.ts";
import type { Sent } from "./lazy-result.ts";
import { isLoss, toldOfLoss, unknownCommit } from "./lost-statement.ts";
import { tellOthers } from "./monitoring/tell-others.ts";
import { outcomeOf, type WriteOutcome } from "./outcome.ts";
import type { RefusedText } from "./refused-texts.ts";
import type { RoutedClient, RoutingHints } from "./routed-client.ts";
import { Router } from "./router.ts";
import { routes } from "./routing/decide.ts";
import type { RoutingMode } from "./routing/mode.ts";
import type { Route, Target } from "./routing/route.ts";
import { currentScope, runInScope, stagingOf } from "./scope.ts";
import { askWriter } from "./servers/ask-writer.ts";
import { answerInCallersContext } from "./servers/callers-context.ts";
import type { EndpointClient, WatchedQuery } from "./servers/endpoint-client.ts";
import { endpointOptions } from "./servers/endpoint-options.ts";
import type { Habit } from "./servers/lanes/habit.ts";
import { openSides, openSingle } from "./servers/open-sides.ts";
import { pgCallsOf } from "./servers/pg-calls.ts";
import {
  freePlace,
  idleClients,
  isQuiet,
  isUsable,
  type PendingItem,
} from "./servers/pg-internals.ts";
import { limited } from "./servers/query-deadline.ts";
import {
  bindToCaller,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  textOf,
  withCallersStack,
} from "./servers/query-input.ts";
import { isSettingUp, runAsSetUp } from "./servers/set-up.ts";
import {
  type AbandonedTransaction,
  type AcquireCallback,
  SettlingPool,
  settlingRelease,
} from "./servers/settling-pool.ts";
import type { Front, Sides } from "./servers/sides.ts";
import { waitUntil } from "./servers/wait-until.ts";
import { type OpenShadow, openShadow } from "./shadow/open-shadow.ts";
import { keptOnWriter, type Wishes } from "./shadow/shadow.ts";
import { annotatedClassifier } from "./statements/classify.ts";
import { warmUp } from "./statements/parser.ts";
import type { Classification } from "./statements/types.ts";
import { type PoolStats, statsOf } from "./stats.ts";
import {
  warnOfPooler,
  warnOfProcessPosition,
  warnWithoutPositions,
} from "./telemetry/freshness-warnings.ts";
import { warn } from "./telemetry/warnings.ts";
import { runTransaction, type TransactionClient, type TransactionOptions } from "./transaction.ts";

type Callback<R> = (error: Error, result: R) => void;

/** What a pool knows of a text; of one that cannot be seen nothing is. */
export let factsOn: (pool: Pool, text: string | undefined) => Classification;

const passingFunction = "Passing a function as the first parameter to pool.query is not supported";

/**
 * A `pg.Pool` that sends each statement where it belongs: what only reads to a reader, all else to
 * the writer, and a transaction as a whole to one of them. It is used as a `pg.Pool` is, and is one
 * for `instanceof`.
 *
 * Besides pg-pool's events it emits `abandoned` with `{ outcome }` when a client was given back
 * inside an open transaction, which has then been rolled back.
 *
 * @example
 * ```ts
 * import { Pool } from "pointsman";
 *
 * const pool = new Pool({
 *   writer: "postgres://app@writer.example.com/shop",
 *   reader: "postgres://app@reader.example.com/shop",
 * });
 * const { rows } = await pool.query("select * from books where id = $1", [1]); // a reader
 * await pool.query("update books set stock = stock - 1 where id = $1", [1]); // the writer
 * await pool.end();
 * ```
 */
export class Pool extends SettlingPool {
  readonly #router: Router;
  readonly #sides: Sides;
  readonly #freshness: Freshness;
  readonly #conversation: (new () => Conversation) | undefined;
  readonly #shadow: OpenShadow | undefined;
  /** What is known of the database besides the texts, and what keeps that up to date. */
  readonly #known: Catalog;
  #catalog: CatalogWatch | undefined;
  /** How long a statement may take, in milliseconds; 0: as long as it likes. */
  readonly #queryTimeout: number;
  /** Ends what others are told, by a logger and a socket. */
  readonly #endTelling: () => void;

  static {
    factsOn = (pool, text) => pool.#router.classify(text);
  }

  /**
   * @param options - see {@link PoolOptions}; all of it may come from the environment
   * @throws ConfigError for the first mistake in options or environment
   */
  constructor(options: PoolOptions = {}) {
    const given = resolveConfig(options);
    // In shadow mode there is one server for all that callers send, as there was before.
    const config = given.shadow ? { ...given, readers: [], mirror: false } : given;
    super(frontOptions(config));
    hideSecrets(this.options);
    for (const { warning } of [given.writer, ...given.readers]) {
      if (warning !== undefined) warn("POINTSMAN_TLS_RAISED", warning);
    }
    this.#queryTimeout = queryTimeoutOf(config);
    this.endTimeoutMillis = config.endTimeoutMillis;
    // What goes wrong here goes wrong again, and is told, at the first statement.
    warmUp().catch(() => {});
    this.#known = new Catalog(config.functions);
    const classifier = refiningClassifier(
      annotatedClassifier<RefinedText<Habit>>(config.statements),
      this.#known,
    );
    const readers = config.mirror ? 0 : config.readers.length;
    const leading = config.hasWriter ? config.writer : (config.readers[0] ?? config.writer);
    this.#freshness = new Freshness(config.freshness, leading, readers, {
      askWriter: async () => {
        const { writer, gate } = this.#sides;
        // A read-only pool has none, or opens it when it is needed for a write.
        if (config.readOnly && !gate.hasReached) return undefined;
        return askWriter(writer, (client) => this.#freshness.positionOf(client));
      },
      promoted: () => this.#sides.gate.promoted(),
      idleReaders: () => idleClients(this.#sides.reader) as EndpointClient[],
      withoutPositions: (endpoint) => {
        const { positions, windowMillis } = config.freshness;
        if (positions !== "time-window") warnWithoutPositions(endpoint, windowMillis);
      },
      pooled: warnOfPooler,
      processPositionCosts: warnOfProcessPosition,
    });
    const front: Front = {
      events: this,
      calls: pgCallsOf(this),
      classify: (sql) => classifier.classify(sql),
      watch: (client, query) => this.#watch(client, query),
      vet: config.readOnly
        ? (client, query) =>
            this.#router.vetted(query, isSettingUp(client) ? undefined : client.side)
        : undefined,
      commented: (query) => this.#router.commentedSetUp(query),
      opened: (client) => {
        this.#catalog?.begin();
        return this.#freshness.opened(client);
      },
      examine: (client) => this.#freshness.examine(client),
      timeline: () => this.#freshness.timeline,
      serverOf: (client) => this.#freshness.serverOf(client),
      meet: (client) => this.#freshness.meet(client),
      askWriter: () => this.#freshness.askWriter(),
      measureLag: (client) => this.#freshness.measureLag(client),
      startOf: (client) => this.#freshness.startOf(client),
      systemOf: async (client) => (await introduce(client))?.system,
      made: (client) => {
        this.#catalog?.begin();
        this.#freshness.watchWriter(client);
      },
    };
    if (config.readers.length === 0) {
      this.#sides = openSingle(this, config, front);
      this.#router = new Router(this.#sides, classifier, config, this.#freshness, this);
      this.#lookAtTables(config, [this]);
      this.#openCatalog(config);
      if (given.shadow) this.#shadow = openShadow(this, this.#router, given);
      this.#router.shadow = this.#shadow?.follower;
      this.#endTelling = tellOthers(this, config);
      return;
    }
    this.#sides = openSides(config, front);
    this.#router = new Router(this.#sides, classifier, config, this.#freshness, this, {
      context: () =>
        this.listenerCount("acquire") + this.listenerCount("release") > 0
          ? new AsyncResource("pointsman.use")
          : undefined,
      taken: (client, context) => {
        if (context !== undefined) this.emitIn(context, "acquire", client);
      },
      givenBack: (error, client, context) => {
        if (context !== undefined) this.emitIn(context, "release", error, client);
      },
    });
    this.#router.onRefusal = (refused) => {
      // A listener that throws has nothing to do with whoever waits for the answer.
      process.nextTick(() => this.emit("refusal", refused));
    };
    this.#lookAtTables(config, [this.#sides.reader, this.#sides.writer]);
    this.#openCatalog(config);
    this.Client = this.#sides.writer.Client;
    this.#conversation = conversationClass({
      router: this.#router,
      options: this.options as unknown as Readonly<Record<string, unknown>>,
      queryTimeout: this.#queryTimeout,
      connectionTimeoutMillis: config.writerPool.connectionTimeoutMillis ?? 0,
      setUpFailed: (error) => {
        this.emit("error", error);
      },
      freePlace: (client) => freePlace(this, client),
    });
    for (const count of ["totalCount", "idleCount", "expiredCount"] as const) {
      Object.defineProperty(this, count, { get: () => this.#sides.writer[count] });
    }
    // Those who wait for a client of connect() wait here, and those who wait for the writer there.
    Object.defineProperty(this, "waitingCount", {
      get: () => this.#sides.writer.waitingCount + this.#own("waitingCount"),
    });
    this.#endTelling = tellOthers(this, config);
  }

  /** A client inside a staging takes no place of the pool: what it stands on is the staging's. */
  protected override takeByHand(callback: AcquireCallback): void {
    if (this.#conversation === undefined || stagingOf(this) === undefined || this.isClosing) {
      super.takeByHand(callback);
      return;
    }
    const client = new this.#conversation() as unknown as PoolClient & Conversation;
    const release = settlingRelease(client, () => {
      void client.end();
    });
    client.release = release;
    client.handOut(performance.now());
    process.nextTick(callback, undefined, client, release);
  }

  /**
   * The writer's pool, for who wants to choose by hand. With one server: this pool. In shadow mode
   * it leads to this pool.
   */
  get writer(): PgPool {
    return this.#shadow?.writer ?? this.#sides.writer;
  }

  /**
   * The readers' pool, for who wants to choose by hand. With one server: this pool. In shadow mode
   * it leads to this pool, and so to the writer.
   */
  get reader(): PgPool {
    return this.#shadow?.reader ?? this.#sides.reader;
  }

  /**
   * Takes a client out of the pool, as `pg.Pool` does. With readers it is a conversation: each of
   * its statements goes where it belongs, until one does more than read; from then on all go to the
   * writer, on one connection, until it is released; what it leaves on its connections is reset.
   * With one server it is a connection, and session state stays on it, as in `pg.Pool`.
   */
  override connect(): Promise<RoutedClient>;
  override connect(
    callback: (
      error: Error | undefined,
      client: RoutedClient | undefined,
      done: (error?: Error | boolean) => void,
    ) => void,
  ): void;
  override connect(callback?: AcquireCallback): Promise<RoutedClient> | undefined {
    if (callback === undefined) return super.connect() as Promise<RoutedClient>;
    super.connect(callback);
    return undefined;
  }

  /**
   * Sends one statement where it belongs, in all the forms that `pg.Pool` has. Inside the callback
   * of {@link Pool.transaction} it joins that transaction.
   *
   * @throws whatever PostgreSQL or `pg` raise, untouched; PointsmanError `TRANSACTION_ENDED` for
   * what outlives a transaction that was rolled back, unless it only reads,
   * `READER_OF_ANOTHER_CLUSTER` and `ROUTE_HOOK_UNUSABLE`; what the `route` hook throws
   */
  override query<T extends Submittable>(queryStream: T): T;
  override query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: QueryArrayConfig<I> & RoutingHints,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  // The default for rows is pg's own: what accepts a pg.Pool must accept this one.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override query<R extends QueryResultRow = any, I = unknown[]>(
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
    if (typeof query === "function") {
      setImmediate(query as (error: Error) => void, new Error(passingFunction));
      return undefined;
    }
    const given = typeof values === "function" ? values : callback;
    const parameters = typeof values === "function" ? undefined : values;
    if (typeof given === "function") {
      this.#send(query, parameters, answerInCallersContext(given as QueryCallback));
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#send(query, parameters, (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    }).catch(withCallersStack);
  }

  #send(query: unknown, values: unknown, callback: QueryCallback): void {
    if (query === null || query === undefined) {
      callback(new TypeError("Client was passed a null or undefined query"));
      return;
    }
    const limit = limited(query as QueryInput, this.#queryTimeout, callback);
    if (limit === undefined) this.#sendNow(query, values, callback);
    else this.#sendNow(limit.query, values, limit.callback);
  }

  #sendNow(query: unknown, values: unknown, callback: QueryCallback): void {
    const scope = currentScope();
    let call: Call;
    try {
      call = this.#router.call(query as QueryInput, values, scope);
    } catch (error) {
      callback(error as Error);
      return;
    }
    const transaction = AmbientTransaction.of(this, scope?.transaction);
    if (transaction !== undefined && (transaction.open || !onlyReads(call))) {
      this.#join(transaction, call, callback);
      return;
    }
    if (this.isClosing) {
      callback(new Error("Cannot use a pool after calling end on the pool"));
      return;
    }
    if (isSubmittable(query)) bindToCaller(query);
    const wishes = { scope: scope?.writer, asked: (query as RoutingHints).target };
    const problem = this.#router.refusal(call);
    if (problem !== undefined) {
      this.#router.decline(call, wishes, problem);
      callback(problem);
      return;
    }
    if (this.#shadow !== undefined) {
      const sent = this.#router.commented(call);
      this.#router.runInShadow(this.#shadow.follower, sent, wishes, callback);
      return;
    }
    let route: Route;
    try {
      route = this.#router.routeNow(call, wishes);
    } catch (error) {
      callback(error as Error);
      return;
    }
    this.#router.run(this.#router.commented(call), route, callback);
  }

  /**
   * Sends a statement in the transaction around its caller. Reads do not wait for a nested one that
   * they are not part of: nothing of them can be lost, and it may be waiting for them.
   */
  #join(transaction: AmbientTransaction, call: Call, callback: QueryCallback): void {
    const send = (client: PoolClient): void => {
      client.query(call.query as string, call.values as unknown[], callback as never);
    };
    const atOnce = onlyReads(call) || !transaction.mustWait(currentScope()?.transaction);
    if (!transaction.open || !atOnce) {
      transaction.run(send).catch(callback);
      return;
    }
    try {
      send(transaction.client);
    } catch (error) {
      callback(error as Error);
    }
  }

  #openCatalog(config: Config): void {
    this.#catalog = openCatalog(this.#known, config, this.#sides);
    this.#router.catalog = this.#catalog;
  }

  #lookAtTables({ tables, allowedWrites }: Config, pools: readonly SettlingPool[]): void {
    const learn = (searchPath: readonly string[]): void => this.#router.learn(searchPath);
    lookAtTables([...tables, ...allowedWrites], learn, pools);
  }

  /** Counts what is sent by hand: on a client of one server, or on `writer` and `reader`. */
  #watch(client: EndpointClient, query: QueryInput): WatchedQuery {
    const scope = currentScope();
    const call = this.#router.call(query, undefined, scope);
    const status = client.getTransactionStatus();
    // Behind others that wait, nobody knows yet whether it will stand inside a transaction.
    const inTransaction = isQuiet(client) && (status === "T" || status === "E");
    // What is sent on a connection that is closed is not sent at all.
    const isSent = isUsable(client);
    const wishes = { scope: scope?.writer, asked: (query as RoutingHints).target };
    const end = this.#shadow?.follower.onClient(client, call, wishes);
    const route = end === undefined ? this.#routeOnClient(client, call, wishes) : undefined;
    call.trace?.start();
    if (route !== undefined) call.trace?.routed(route);
    // Who reads from a reader by hand takes what is there.
    const companions = client.side === "writer" ? this.#router.attend(client, call) : undefined;
    // As it was called, but for its comment: what else a call changes of it is not for one connection.
    const { query: sent } = this.#router.commented({ ...call, query: snapshot(query) });
    let isOver = false;
    return {
      query: sent,
      known: textOf(query) === undefined ? undefined : call.facts,
      companions: companions === "behind" ? undefined : companions,
      answered: (error, isUnsent = false) => {
        // pg answers twice what it could not send.
        if (isOver) return error;
        isOver = true;
        let told = error;
        // A cursor or a stream is told of it by its connection.
        const isOwn = isUnsent || isSubmittable(query);
        if (error !== undefined && !isOwn && isLoss(error, client)) {
          if (isSent) told = toldOfLoss(error, { ...call, inTransaction }, client);
          else told = unknownCommit(client) ?? error;
        }
        if (route !== undefined) this.#router.answered(call, route, client, told);
        else if (end !== undefined) this.#router.answeredInShadow(end, call, client, told);
        return told;
      },
    };
  }

  #routeOnClient(client: EndpointClient, call: Call, wishes: Wishes): Route {
    if (this.#sides.readers !== undefined) return routes[client.side].direct;
    const status = client.getTransactionStatus();
    const transaction = status === "T" || status === "E" ? "writer" : undefined;
    return this.#router.routeNow(call, { ...wishes, transaction });
  }

  /**
   * Runs `fn` in a transaction: committed when it returns, rolled back when it throws. All of it
   * runs on one server: the writer, or a reader when it is declared `readOnly`. Statements that
   * functions called by `fn` send through this pool join it. Inside another transaction of this
   * pool it becomes a savepoint.
   *
   * @param fn - gets the client that carries the transaction
   * @param options - see {@link TransactionOptions}
   * @returns what `fn` returns
   * @throws what `fn` throws; PointsmanError `TRANSACTION_NOT_COMMITTED` when a statement failed,
   * its error was caught inside `fn`, and PostgreSQL therefore rolled back, or when `fn` has sent
   * COMMIT or ROLLBACK itself; `TRANSACTION_OPTIONS_NESTED` for options of a nested transaction;
   * `TRANSACTION_ENDED` inside one that was rolled back
   *
   * @example
   * ```ts
   * import { createPool } from "pointsman";
   *
   * const pool = createPool();
   * const id = await pool.transaction(
   *   async (tx) => {
   *     const { rows } = await tx.query("insert into orders (customer) values ($1) returning id", [7]);
   *     await pool.query("update customers set orders = orders + 1 where id = $1", [7]); // joins
   *     return rows[0].id;
   *   },
   *   { isolationLevel: "serializable", retries: 3 },
   * );
   * ```
   */
  transaction<T>(
    fn: (tx: TransactionClient) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    return runTransaction(this, fn, options);
  }

  /**
   * Runs `fn` in a session: what it reads, and everything that it calls reads through this pool, is
   * never older than what it has written or seen before, whichever reader serves it. Its writes
   * make nobody else's reads wait. Inside another session of this pool, both see its writes.
   *
   * @param fn - what to run; may be asynchronous. Gets the session, whose `token` carries on to
   * another request, process or job what this one has seen.
   * @param options - `after`: a token to go on from; `consistency` and `maxStaleness` as in the
   * options of the pool
   * @returns what `fn` returns, like `withWriter()`: a query of an ORM that would be sent only when
   * somebody waits for it is sent inside, and its promise returned
   * @throws ConfigError for an option that is none
   *
   * @example
   * ```ts
   * import { createPool } from "pointsman";
   *
   * const pool = createPool();
   * const token = await pool.session(async (session) => {
   *   await pool.query("update books set stock = 40 where id = 1");
   *   return session.token; // to a cookie, a header, a job
   * });
   * await pool.session(
   *   async () => {
   *     const { rows } = await pool.query("select stock from books where id = 1"); // a reader
   *     console.log(rows[0].stock); // 40
   *   },
   *   { after: token },
   * );
   * ```
   */
  session<T extends PromiseLike<unknown>>(
    fn: (session: Session) => T,
    options?: SessionOptions,
  ): Sent<T>;
  session<T>(fn: (session: Session) => T, options?: SessionOptions): T;
  session<T>(fn: (session: Session) => T, options: SessionOptions = {}): T {
    const wish = readFreshness(checkSessionOptions(options));
    const scope = currentScope();
    const outer = scope?.sessions?.find((one) => this.#freshness.owns(one));
    const session = this.#freshness.session(outer);
    session.see(options.after);
    return runInScope(
      {
        writer: false,
        ...scope,
        sessions: [session, ...(scope?.sessions ?? [])],
        freshness: wish ?? scope?.freshness,
      },
      () => fn(session),
    );
  }

  /**
   * What became of a write whose connection was lost behind it, where the writer can tell: when the
   * id of its transaction was known (its COMMIT was lost, in a transaction that had written
   * something before), and the server is the same and has not been restarted. An id that was given
   * out before a failover or a crash may be another transaction's by now: then, and whenever there
   * is none, the outcome is unknown, and only what the write has written can tell.
   *
   * @param error - what the write has failed with
   * @returns `"committed"`, `"aborted"` or `"unknown"`
   * @throws PointsmanError `WRITER_UNAVAILABLE`, or what a connection fails with
   *
   * @example
   * ```ts
   * import { createPool } from "pointsman";
   *
   * const pool = createPool();
   * try {
   *   await pool.transaction((tx) => tx.query("insert into payments (id, pence) values (7, 1200)"));
   * } catch (error) {
   *   if ((await pool.outcome(error)) !== "committed") throw error;
   * }
   * ```
   */
  outcome(error: unknown): Promise<WriteOutcome> {
    return outcomeOf(error, this.#sides.writer, (client) => this.#freshness.meet(client));
  }

  /**
   * Where a text would go now, and why. Nothing is sent.
   *
   * @param sql - the text
   * @param hints - what the query's config would say
   * @throws PointsmanError `READ_ONLY_MODE` or `FRESHNESS_UNAVAILABLE` where a read-only pool would
   * not send it
   *
   * @example
   * ```ts
   * import { createPool } from "pointsman";
   *
   * const pool = createPool();
   * const { target, reason } = await pool.explain("select nextval('orders_id_seq')");
   * console.log(target, reason); // writer writing-function
   * ```
   */
  async explain(sql: string, hints: RoutingHints = {}): Promise<Explanation> {
    const scope = currentScope();
    await this.#catalog?.settled();
    const facts = this.#router.classify(sql);
    const transaction = AmbientTransaction.of(this, scope?.transaction);
    const stand = transaction?.open === true ? this.#standOf(transaction) : undefined;
    const demand = this.#router.demand(scope, readFreshness(hints));
    const problem = this.#router.refusal({ query: sql, facts, demand }, stand);
    if (problem !== undefined) throw problem;
    const follower = this.#shadow?.follower;
    const route = this.#router.routeNow(
      { text: sql, facts, demand },
      {
        transaction: stand,
        scope: scope?.writer,
        asked: hints.target,
        stale: follower?.staleness(demand),
      },
    );
    const known = {
      rule: this.#router.policies.ruleOf(facts),
      causes: this.#known.causes(sql, facts),
      refusal: this.#router.refusalOf(sql),
    };
    if (follower === undefined) return describeRoute(facts, route, known);
    return describeRoute(facts, keptOnWriter(route), known, route);
  }

  /** Where an ambient transaction runs; in shadow mode: would run. */
  #standOf({ client }: AmbientTransaction): Target {
    const conversation =
      client instanceof Conversation ? client : this.#shadow?.follower.conversation(client);
    return conversation?.transactionOn ?? "writer";
  }

  /** How much is routed now. */
  get mode(): RoutingMode {
    return this.#router.mode;
  }

  /**
   * Changes how much is routed, from the next statement on, as the option `mode` does when the pool
   * is made. Transactions that are open stay where they are.
   *
   * @param mode - `"writer-only"` turns routing off: everything goes to the writer.
   * `"reader-on-request"`: a read goes to a reader only where `target`, a hint, a rule of `tables`,
   * the `route` hook or a READ ONLY transaction asks for it. `"auto"`: each statement goes where it
   * belongs.
   * @throws ConfigError for a mode that there is not
   *
   * @example
   * ```ts
   * import { createPool } from "pointsman";
   *
   * const pool = createPool();
   * process.on("SIGUSR2", () => {
   *   pool.setMode(pool.mode === "auto" ? "writer-only" : "auto");
   * });
   * ```
   */
  setMode(mode: RoutingMode): void {
    checkMode("mode", mode);
    this.#router.mode = mode;
  }

  /** Numbers since the pool was made. */
  stats(): PoolStats {
    return statsOf(this.#router, this.#sides, {
      total: this.#own("totalCount"),
      idle: this.#own("idleCount"),
      waiting: this.#own("waitingCount"),
      timeouts: this.timeouts,
      max: this.options.max,
    });
  }

  /** A count of this pool itself, whose clients are conversations where there are readers. */
  #own(count: "totalCount" | "idleCount" | "waitingCount"): number {
    if (this.#sides.readers === undefined) return this[count];
    return Reflect.get(SettlingPool.prototype, count, this);
  }

  protected override async endOwned(deadline: number): Promise<void> {
    try {
      await this.#endSides(deadline);
    } finally {
      this.#endTelling();
    }
  }

  async #endSides(deadline: number): Promise<void> {
    this.#catalog?.end();
    await this.#freshness.end();
    this.#shadow?.follower.end();
    this.#sides.end();
    if (this.#sides.readers === undefined) return;
    // What a reader refuses while it drains goes to the writer, which therefore ends last.
    await this.#sides.reader.endIfOpen(deadline);
    await waitUntil(this.#router.fallbackOver(), deadline);
    await this.#sides.writer.endIfOpen(deadline);
  }

  override on(event: "abandoned", listener: (found: AbandonedTransaction) => void): this;
  override on(event: "refusal", listener: (refused: RefusedText) => void): this;
  override on(
    event: "error" | "release",
    listener: (error: Error, client: RoutedClient) => void,
  ): this;
  override on(
    event: "connect" | "acquire" | "remove",
    listener: (client: RoutedClient) => void,
  ): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event as "connect", listener as (client: unknown) => void);
  }

  override newClient(pending: PendingItem): void {
    if (this.#conversation === undefined) {
      super.newClient(pending);
      return;
    }
    // pg-pool makes its clients of `this.Client`; to everybody else that is a real client's class.
    const real = this.Client;
    this.Client = this.#conversation;
    try {
      super.newClient(pending);
    } finally {
      this.Client = real;
    }
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "release") this.#shadow?.follower.givenBack(args[1] as object);
    if (this.listenerCount(event) === 0) return false;
    const [client] = args;
    const emit = (): boolean => super.emit(event, ...args);
    if (event === "connect") return runAsSetUp(client as object, emit);
    if (event === "acquire" && client instanceof Conversation) return client.introduce(emit);
    return emit();
  }
}

/**
 * Makes a {@link Pool}: `createPool()` takes everything from the environment.
 *
 * @param options - see {@link PoolOptions}
 * @throws ConfigError for the first mistake in options or environment
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 *
 * const pool = createPool({ writer: "postgres://app@localhost/shop", mirror: true });
 * ```
 */
export function createPool(options: PoolOptions = {}): Pool {
  return new Pool(options);
}

function onlyReads({ facts }: Call): boolean {
  return facts.effect === "read" && facts.session.length === 0;
}

function conversationClass(home: ConversationHome): new () => Conversation {
  // Not called after the pool: Drizzle takes a client whose class has "Pool" in its name for one.
  return class RoutedClient extends Conversation {
    constructor() {
      super(home);
    }
  };
}

/** The writer's `query_timeout`, which holds for all that is sent through the pool. */
function queryTimeoutOf({ writer, writerPool }: Config): number {
  return Number(writer.client.query_timeout ?? writerPool.query_timeout ?? 0);
}

/** pg's options of the pool itself: with readers its clients are not connections. */
function frontOptions(config: Config): PgPoolConfig {
  const options = config.hasWriter
    ? endpointOptions(config.writerPool, config.writer)
    : endpointOptions(config.readerPool, config.readers[0] ?? config.writer);
  if (config.readers.length === 0) return options;
  const {
    onConnect: _o,
    verify: _v,
    maxUses: _u,
    maxLifetimeSeconds: _l,
    min: _m,
    ...front
  } = options;
  return front;
}
