import type { ClientConfig, PoolConfig as PgPoolConfig } from "pg";
import type { AuthOption } from "../auth/auth.ts";
import type { Consistency } from "../consistency/levels.ts";
import type { PositionSource } from "../consistency/settings.ts";
import type { RoutingMode } from "../routing/mode.ts";
import type { Target } from "../routing/route.ts";
import type { RouteHook } from "../routing/route-hook.ts";
import type { SqlCommentFunction, SqlTags } from "../statements/sql-comment.ts";
import type { LogFunction, Logger } from "../telemetry/logger.ts";
import type { TopologyOption } from "./topology-option.ts";

/**
 * Where a server or an endpoint is: a URL such as `postgres://app@host:5432/shop`, or the same
 * fields that a `pg.Client` takes. What a reader leaves out (user, password, database, ssl) it
 * takes from the writer.
 */
export type EndpointOption = string | ClientConfig;

/** A reader: where it is, and what it shall have of the reads beside others. */
export type ReaderOption = string | (ClientConfig & ReaderDetails);

/** What tells one of several readers from the others. */
export interface ReaderDetails {
  /** Its share of connections and reads, against the others'. Above 0. Default: 1. */
  weight?: number | undefined;
  /** The availability zone that it is in, for example `"eu-west-2a"`. */
  availabilityZone?: string | undefined;
}

/** Sizes and times of one side's pool, as `pg.Pool` has them. */
export type SidePoolOptions = Pick<
  PgPoolConfig,
  "max" | "min" | "idleTimeoutMillis" | "connectionTimeoutMillis" | "maxUses" | "maxLifetimeSeconds"
>;

/** How what readers may lack is found out, and what is done about it. */
export interface FreshnessDetails {
  /**
   * How long a read waits for a reader that is expected to have replayed in time what it must see,
   * in milliseconds, before the writer serves it. Default: 10. 0: not at all.
   */
  wait?: number | undefined;
  /**
   * What tells how far a server has come. Default: `"auto"`, which asks each server once: positions
   * in the WAL, else transaction ids (Aurora, where WAL functions are refused), else a time window.
   */
  positions?: PositionSource | undefined;
  /**
   * Where there are no positions: how long after a write reads go to the writer, in milliseconds.
   * Default: 15000.
   */
  window?: number | undefined;
  /**
   * Signs the tokens of sessions, so that no client can make one. The first of several signs, and
   * all are accepted, so that a secret can be changed. Default: tokens are not signed.
   */
  secret?: string | readonly string[] | undefined;
}

/** How many connections of one side short reads may share, and when. */
export interface LaneOptions {
  /** How many lanes one side has at most, of its `max` connections. Default: a quarter, at least 1. */
  max?: number | undefined;
  /** How many reads one lane carries at once; more wait. Default: 64. */
  depth?: number | undefined;
  /**
   * How often a text must have run on a connection of its own, and have been short, before it rides.
   * 0: from the first time on. Default: 5.
   */
  after?: number | undefined;
}

/** Which statements are prepared, and how many. */
export interface PrepareOptions {
  /** How often a text must have run before it is prepared. 0: from the first time on. Default: 5. */
  after?: number | undefined;
  /** How many prepared statements one connection keeps. Default: 256. */
  max?: number | undefined;
}

/** How what only the database knows is kept up to date. */
export interface CatalogOptions {
  /**
   * How often, in milliseconds, it is looked whether the catalog has changed while nothing says so.
   * Default: 60,000.
   */
  refreshMillis?: number | undefined;
}

/**
 * All options. Every option of `pg.Pool` works and holds for both sides; the others are described
 * here. What is not given is taken from the environment, then from the default.
 *
 * @example
 * ```ts
 * import { createPool, type PoolOptions } from "pointsman";
 *
 * const options: PoolOptions = {
 *   writer: "postgres://app@writer.example.com/shop",
 *   reader: "postgres://app@reader.example.com/shop",
 *   max: 10,
 *   readerPool: { max: 30 },
 * };
 * const pool = createPool(options);
 * ```
 */
export interface PoolOptions extends PgPoolConfig {
  /**
   * The writer. Default: `pg`'s own options (`host`, `port`, `connectionString`), else the
   * environment's `DATABASE_URL`, else `pg`'s own environment (`PGHOST`, …). `user`, `password`,
   * `database` and `ssl` are combined with the URLs of the environment, and are stronger.
   */
  writer?: EndpointOption | undefined;
  /**
   * The reader endpoint. Default: the environment's `DATABASE_READER_URL` when the writer comes
   * from the environment too, else none: then there is one pool, on one server, and routes are
   * still decided and counted.
   */
  reader?: ReaderOption | undefined;
  /** Several readers, where there is no endpoint in front of them. At least one. */
  readers?: readonly ReaderOption[] | undefined;
  /**
   * The availability zone that this process runs in: readers in the same one are used first, and the
   * others while there is none. Default: all readers are alike.
   */
  availabilityZone?: string | undefined;
  /**
   * How far a reader may be behind the writer: milliseconds, or `"500ms"`, `"30s"`, `"1m"`. One that
   * is further behind gets no reads until it has caught up. Default: as far as it likes; what a read
   * must see is another matter, and always holds.
   */
  maxLag?: number | string | undefined;
  /**
   * Who serves reads while every reader is out: the `"writer"`, or nobody: then they fail with
   * `READER_UNAVAILABLE`. Default: `"writer"`.
   */
  readerFallback?: "writer" | "error" | undefined;
  /**
   * How many of the writer's connections such reads may have at once; others wait. Default: four
   * fifths of the writer's `max`, so that there is room for writes.
   */
  readerFallbackMax?: number | undefined;
  /**
   * Makes the password of each new connection: `"iam"` or `iam({ … })`, `secretsManager()`,
   * `passwordFile()`, a function, or an object of your own. Default: the environment's
   * `DATABASE_AUTH` (`iam`), else none: passwords are those of the URLs.
   */
  auth?: AuthOption | undefined;
  /**
   * How the servers of the cluster become known: `"static"`, `"dns"`, `"aurora"` or
   * `"replication"`, or an object with details. Default: `"static"`, what is configured is all there
   * is.
   */
  topology?: TopologyOption | undefined;
  /**
   * Gives the writer's own server a reader side with connections of its own, which are read-only
   * and refuse what a real standby refuses. For development and tests with one server. Default:
   * `false`.
   */
  mirror?: boolean | undefined;
  /** Another name of `max`, from older versions of `pg`. */
  poolSize?: number | undefined;
  /** Options of the writer's pool that differ from the common ones. */
  writerPool?: SidePoolOptions | undefined;
  /** Options of the readers' pool that differ from the common ones. `max` holds for all together. */
  readerPool?: SidePoolOptions | undefined;
  /**
   * How much is routed: `"auto"`, `"writer-only"` or `"reader-on-request"`. `pool.setMode()` changes
   * it while the pool is at work. Default: `"auto"`.
   */
  mode?: RoutingMode | undefined;
  /**
   * Runs everything on the writer, as with one server, and reports where statements would have
   * gone: in `pool.stats().shadow`, `pool.explain()` and on the diagnostics channel. Readers get no
   * statement; how far they are behind is measured, on one connection to each. Default: the
   * environment's `DATABASE_SHADOW` (`1`), else `false`.
   */
  shadow?: boolean | undefined;
  /**
   * Where reads of tables go, whatever else they read: `{ sessions: "writer", "audit.*": "writer" }`.
   * Of two tables in one statement the writer's counts. Default: none.
   */
  tables?: Readonly<Record<string, Target>> | undefined;
  /**
   * Nothing is written, whatever the code does: there is no connection to the writer, what does more
   * than read is refused with `READ_ONLY_MODE` before it is sent, and the connections are read-only
   * at the server too. Default: the environment's `DATABASE_READ_ONLY` (`1` or `true`), else `false`.
   */
  readOnly?: boolean | undefined;
  /**
   * Tables that may be written where `readOnly` holds, as `name`, `schema.name` or `schema.*`: by
   * INSERT, UPDATE and DELETE, on a connection to the writer that is opened when it is first needed.
   * Without `readOnly` it means nothing. Default: none.
   */
  allowWritesTo?: readonly string[] | undefined;
  /** Chooses where a read goes, where no rule of `tables` can tell. Default: none. */
  route?: RouteHook | undefined;
  /**
   * Where lines are written of slow statements, of failovers and of what else an operator wants to
   * know: a logger of pino, winston or `console`, or a function `(level, message, details) => void`.
   * See {@link Logger}. Default: nowhere.
   */
  logger?: Logger | LogFunction | undefined;
  /**
   * How long a statement takes that is written to the `logger` as slow, waiting for a connection
   * included: milliseconds, or `"500ms"`, `"5s"`, `"1m"`. Without `logger` it means nothing. Default:
   * 1 s.
   */
  slowQuery?: number | string | undefined;
  /**
   * What stands in a comment behind each statement, in the format of sqlcommenter, so that
   * `pg_stat_activity` and the server's log show who asks: tags, or a function that is called for
   * each statement in the asynchronous context of its caller and returns tags. Values are texts,
   * numbers or booleans; `undefined` is left out. What the function throws breaks no statement.
   * Default: no comment.
   */
  sqlComment?: SqlTags | SqlCommentFunction | undefined;
  /** Where transactions go that are declared READ ONLY. Default: `"reader"`. */
  readOnlyTransactions?: "reader" | "writer" | undefined;
  /**
   * How fresh reads are: `"eventual"`, `"session"`, `"process"` or `"strong"`. Default: `"process"`:
   * inside `pool.session()` a read sees the session's own writes, elsewhere those of the process.
   */
  consistency?: Consistency | undefined;
  /**
   * How old what a reader shows may be: milliseconds, or `"500ms"`, `"5s"`, `"1m"`. Default: not
   * bounded.
   */
  maxStaleness?: number | string | undefined;
  /** Details of `consistency`. */
  freshness?: FreshnessDetails | undefined;
  /**
   * Tables whose writes reads need not see, as `name` or `schema.name`: logs of access, counters.
   * A write to these alone makes no read wait. Default: none.
   */
  ignoreWritesTo?: readonly string[] | undefined;
  /**
   * How long whoever needs the writer waits for it during a failover: milliseconds, or `"500ms"`,
   * `"30s"`, `"1m"`. Then `WRITER_UNAVAILABLE`. Default: 30 s. `connectionTimeoutMillis`, where it
   * is shorter, ends the wait before that.
   */
  failoverTimeout?: number | string | undefined;
  /**
   * How many callers may wait for a connection of one side; one more is refused with `QUEUE_FULL`.
   * Default: 50,000.
   */
  maxWaiting?: number | undefined;
  /**
   * How long `end()` waits for connections that are in use before it closes them: milliseconds, or
   * `"500ms"`, `"30s"`, `"1m"`. Default: 30 s.
   */
  endTimeout?: number | string | undefined;
  /**
   * Whether short reads share connections: what has proved short rides a lane, a connection that
   * carries many at once, none of which waits for the answer to another. Default: the environment's
   * `DATABASE_LANES` (`0`, `1`, or limits such as `depth=8,after=20`), else `true`.
   */
  lanes?: boolean | LaneOptions | undefined;
  /**
   * Whether texts that keep coming with other parameters become prepared statements. Not where what
   * stands between here and the server shares connections, as PgBouncer and RDS Proxy do. Default:
   * the environment's `DATABASE_PREPARE` (`0`, `1`, or limits such as `after=20,max=100`), else
   * `true`.
   */
  prepare?: boolean | PrepareOptions | undefined;
  /**
   * Whether the database is asked what the text of a statement does not tell: what its functions do,
   * and its views, operators, casts, policies and types. It is asked on a connection of its own, that
   * is closed again, and until it has answered an unknown function belongs to the writer. Default: the
   * environment's `DATABASE_CATALOG` (`0`, `1`), else `true`.
   */
  catalog?: boolean | CatalogOptions | undefined;
  /**
   * What functions do, where you know better: `"read"` or `"write"`, by their names, as `function`,
   * `schema.function` or `schema.*`. It stands above what the catalog tells. Default: none.
   */
  functions?: Readonly<Record<string, "read" | "write" | undefined>> | undefined;
  /**
   * A directory in which this pool listens on a Unix socket of its own, `pointsman-<pid>-<n>.sock`,
   * that only the user of this process may open. Whoever connects is told the pool's numbers, as
   * `pointsman top` does. What stands in the way of it is a process warning,
   * `POINTSMAN_STATS_SOCKET_FAILED`, and no more. Default: the environment's
   * `DATABASE_STATS_SOCKET`, else none: nothing listens, and nothing is counted for it.
   */
  statsSocket?: string | undefined;
  /**
   * Longest text, in bytes of UTF-8, that is parsed. Longer ones go to the writer. Default: 65536.
   */
  maxParseBytes?: number | undefined;
  /**
   * Bounds of the memory of verdicts: for texts, and once more for the shapes of texts that differ in
   * their values only. Default: 10,000, 16 MiB.
   */
  statementCache?: { maxEntries?: number | undefined; maxBytes?: number | undefined } | undefined;
}

/** What may be said of one endpoint. */
export const endpointOptions: readonly string[] = [
  "connectionString",
  "host",
  "port",
  "user",
  "password",
  "database",
  "ssl",
  "sslnegotiation",
  "enableChannelBinding",
  "scramMaxIterations",
  "keepAlive",
  "keepAliveInitialDelayMillis",
  "stream",
  "types",
  "binary",
  "replication",
  "options",
  "client_encoding",
  "application_name",
  "fallback_application_name",
  "query_timeout",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "connectionTimeoutMillis",
];

/** What may be said of a reader besides. */
export const readerDetails: readonly (keyof ReaderDetails)[] = ["weight", "availabilityZone"];

/** How the value of an option is checked. */
export type OptionKind =
  | "endpoint"
  | "endpoints"
  | "side"
  | "cache"
  | "boolean"
  | "positive integer"
  | "non-negative number"
  | "positive number"
  | "fallback"
  | "side name"
  | "text"
  | "function"
  | "port"
  | "tls"
  | "timeout"
  | "stream"
  | "consistency"
  | "duration"
  | "names"
  | "freshness"
  | "auth"
  | "topology"
  | "mode"
  | "lanes"
  | "prepare"
  | "catalog"
  | "functions"
  | "tables"
  | "table names"
  | "logger"
  | "tags"
  | "anything";

interface OptionRow {
  readonly kind: OptionKind;
  /** The environment variable that gives it, when the option is not given. */
  readonly environment?: string;
}

/**
 * Every option there is. The one source for what is accepted, how it is checked and which
 * environment variable gives it.
 */
export const optionTable: Readonly<Record<string, OptionRow>> = {
  writer: { kind: "endpoint", environment: "DATABASE_URL" },
  reader: { kind: "endpoint", environment: "DATABASE_READER_URL" },
  readers: { kind: "endpoints" },
  auth: { kind: "auth", environment: "DATABASE_AUTH" },
  topology: { kind: "topology" },
  mirror: { kind: "boolean" },
  writerPool: { kind: "side" },
  readerPool: { kind: "side" },
  readOnlyTransactions: { kind: "side name" },
  mode: { kind: "mode" },
  shadow: { kind: "boolean", environment: "DATABASE_SHADOW" },
  tables: { kind: "tables" },
  readOnly: { kind: "boolean", environment: "DATABASE_READ_ONLY" },
  allowWritesTo: { kind: "table names" },
  route: { kind: "function" },
  logger: { kind: "logger" },
  slowQuery: { kind: "duration" },
  sqlComment: { kind: "tags" },
  consistency: { kind: "consistency" },
  maxStaleness: { kind: "duration" },
  freshness: { kind: "freshness" },
  ignoreWritesTo: { kind: "names" },
  failoverTimeout: { kind: "duration" },
  maxWaiting: { kind: "positive integer" },
  endTimeout: { kind: "duration" },
  availabilityZone: { kind: "text" },
  maxLag: { kind: "duration" },
  readerFallback: { kind: "fallback" },
  readerFallbackMax: { kind: "positive integer" },
  lanes: { kind: "lanes", environment: "DATABASE_LANES" },
  prepare: { kind: "prepare", environment: "DATABASE_PREPARE" },
  catalog: { kind: "catalog", environment: "DATABASE_CATALOG" },
  functions: { kind: "functions" },
  statsSocket: { kind: "text", environment: "DATABASE_STATS_SOCKET" },
  maxParseBytes: { kind: "positive integer" },
  statementCache: { kind: "cache" },
  // pg.Pool
  max: { kind: "positive integer", environment: "DATABASE_POOL_MAX" },
  poolSize: { kind: "positive integer" },
  min: { kind: "non-negative number" },
  idleTimeoutMillis: { kind: "non-negative number" },
  connectionTimeoutMillis: { kind: "non-negative number" },
  maxUses: { kind: "positive integer" },
  maxLifetimeSeconds: { kind: "non-negative number" },
  allowExitOnIdle: { kind: "boolean" },
  log: { kind: "function" },
  onConnect: { kind: "function" },
  verify: { kind: "function" },
  Promise: { kind: "function" },
  Client: { kind: "function" },
  // pg.Client
  connectionString: { kind: "text" },
  user: { kind: "text" },
  password: { kind: "anything" },
  host: { kind: "text" },
  port: { kind: "port" },
  database: { kind: "text" },
  ssl: { kind: "tls" },
  sslnegotiation: { kind: "text" },
  enableChannelBinding: { kind: "boolean" },
  scramMaxIterations: { kind: "anything" },
  keepAlive: { kind: "boolean" },
  keepAliveInitialDelayMillis: { kind: "non-negative number" },
  stream: { kind: "stream" },
  types: { kind: "anything" },
  binary: { kind: "boolean" },
  pipeline: { kind: "boolean" },
  replication: { kind: "anything" },
  options: { kind: "text" },
  client_encoding: { kind: "text" },
  application_name: { kind: "text" },
  fallback_application_name: { kind: "text" },
  query_timeout: { kind: "non-negative number" },
  statement_timeout: { kind: "timeout" },
  lock_timeout: { kind: "non-negative number" },
  idle_in_transaction_session_timeout: { kind: "non-negative number" },
};

/** The options that one side's pool may have of its own. */
export const sideOptions = [
  "max",
  "min",
  "idleTimeoutMillis",
  "connectionTimeoutMillis",
  "maxUses",
  "maxLifetimeSeconds",
] as const satisfies readonly (keyof SidePoolOptions)[];
