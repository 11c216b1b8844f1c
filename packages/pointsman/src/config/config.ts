import type { ClientConfig, PoolConfig as PgPoolConfig } from "pg";
import { readAuth } from "../auth/read-auth.ts";
import type { FunctionRule } from "../catalog/function-rules.ts";
import { parseDuration } from "../consistency/levels.ts";
import type { FreshnessSettings } from "../consistency/settings.ts";
import { ConfigError } from "../errors.ts";
import type { RoutingMode } from "../routing/mode.ts";
import type { RouteHook } from "../routing/route-hook.ts";
import type { TableRule } from "../routing/table-rules.ts";
import type { LaneSettings, PrepareSettings } from "../servers/lanes/settings.ts";
import type { SqlCommentFunction, SqlTags } from "../statements/sql-comment.ts";
import { type LogSettings, readLogger } from "../telemetry/logger.ts";
import { type CatalogSettings, readCatalogOptions } from "./catalog-options.ts";
import {
  type Endpoint,
  hideSecrets,
  inherit,
  readEndpoint,
  readUrl,
  sealEndpoint,
} from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";
import { environmentSwitch } from "./environment-switch.ts";
import { readFunctions } from "./function-options.ts";
import { kindOf } from "./kind-of.ts";
import type { PoolOptions, ReaderOption } from "./options.ts";
import { checkReadOnly } from "./read-only.ts";
import { readTableNames, readTables } from "./routing-options.ts";
import { readLanes, readPrepare } from "./speed-options.ts";
import { readTopology, type TopologySettings } from "./topology.ts";
import { checkPositiveInteger, checkSizes, validateOptions } from "./validate.ts";

/** Everything that was configured, checked and sealed. */
export interface Config {
  readonly writer: Endpoint;
  /** Empty when there is one server only. */
  readonly readers: readonly Endpoint[];
  /** The readers are the writer's own server, read-only and held to what a standby refuses. */
  readonly mirror: boolean;
  /** How more servers than these become known. */
  readonly topology: TopologySettings;
  /** pg's options for the writer's pool, and for the readers'; `host` and kin are in `client`. */
  readonly writerPool: Readonly<PgPoolConfig>;
  readonly readerPool: Readonly<PgPoolConfig>;
  readonly readOnlyTransactions: "reader" | "writer";
  /** How much is routed at first. */
  readonly mode: RoutingMode;
  /** Everything runs on the writer, and is only followed. */
  readonly shadow: boolean;
  readonly tables: readonly TableRule[];
  /** Nothing is written but the tables in `allowedWrites`. */
  readonly readOnly: boolean;
  /** Whether there is any connection to the writer. */
  readonly hasWriter: boolean;
  /** Empty where the pool is not read-only. */
  readonly allowedWrites: readonly TableRule[];
  readonly route: RouteHook | undefined;
  /** Where lines are written; absent: nowhere. */
  readonly log: LogSettings | undefined;
  /** What stands in the comments of statements; absent: there are none. */
  readonly sqlComment: SqlTags | SqlCommentFunction | undefined;
  /** How fresh reads are, and how that is found out. */
  readonly freshness: FreshnessSettings;
  /** How long whoever needs the writer waits for it during a failover, in milliseconds. */
  readonly failoverTimeoutMillis: number;
  /** How many may wait for a connection of one side. */
  readonly maxWaiting: number;
  /** How long `end()` waits for connections that are in use, in milliseconds. */
  readonly endTimeoutMillis: number;
  /** How far a reader may be behind the writer, in milliseconds. */
  readonly maxLagMillis: number | undefined;
  /** How many of the writer's connections reads may have while every reader is out. */
  readonly readerFallbackMax: number;
  /** Absent: no connection is shared. */
  readonly writerLanes: LaneSettings | undefined;
  readonly readerLanes: LaneSettings | undefined;
  /** Absent: nothing is prepared. */
  readonly prepare: PrepareSettings | undefined;
  /** Absent: the database is not asked what texts do not tell. */
  readonly catalog: CatalogSettings | undefined;
  /** What functions do, as the user says. */
  readonly functions: readonly FunctionRule[];
  /** The directory of the socket that tells the pool's numbers; absent: there is none. */
  readonly statsSocket: string | undefined;
  readonly statements: {
    readonly maxParseBytes?: number;
    readonly maxEntries?: number;
    readonly maxBytes?: number;
  };
}

/** Settings of an endpoint, after the name of the option or variable that gave them. */
type Named = readonly [option: string, settings: EndpointSettings];

/** How long a read waits for a reader that is far enough, where there is no writer to serve it. */
const readOnlyWaitMillis = 5000;

/** pg's options that say where a connection goes. */
const locationKeys = ["connectionString", "host", "port"] as const;

/** pg's options that say as whom, and to what, on either side. */
const identityKeys = ["user", "password", "database", "ssl"] as const;

/**
 * Makes one checked, sealed configuration out of options and environment.
 *
 * @param options - what the application gives
 * @param environment - default: `process.env`
 * @throws ConfigError for the first mistake, with its name and the remedy, and without any secret
 */
export function resolveConfig(
  options: PoolOptions = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError(
      "options",
      `The options must be an object, for example { writer: "postgres://app@db.example.com/shop" }; got ${kindOf(options)}.`,
    );
  }
  validateOptions(options as Record<string, unknown>);
  const explicit =
    options.writer !== undefined || locationKeys.some((key) => options[key] !== undefined);
  const fromEnvironment = explicit ? {} : environment;
  const readOnly =
    options.readOnly ?? environmentSwitch("DATABASE_READ_ONLY", environment) ?? false;
  const shadow = options.shadow ?? environmentSwitch("DATABASE_SHADOW", environment) ?? false;
  const allowedWrites = readOnly ? readTableNames(options.allowWritesTo ?? []) : [];
  const [writerOption, writer] = readWriter(options, fromEnvironment["DATABASE_URL"]);
  const given = readReaders(options, writer, fromEnvironment["DATABASE_READER_URL"]);
  // One server is read on connections of its own, which are read-only.
  const readers: Named[] = readOnly && given.length === 0 ? [[writerOption, { ...writer }]] : given;
  const auth =
    readAuth("auth", options.auth) ?? readAuth("DATABASE_AUTH", environment["DATABASE_AUTH"]);
  const common = commonPoolOptions(options, environment);
  const readerMax =
    options.max === undefined && options.poolSize === undefined
      ? environmentSize("DATABASE_READER_POOL_MAX", environment)
      : undefined;

  const writerPool = { ...common, ...defined(options.writerPool ?? {}) };
  const readerPool = {
    ...common,
    ...(readerMax === undefined ? {} : { max: readerMax }),
    ...defined(options.readerPool ?? {}),
  };
  checkSizes("writerPool", writerPool);
  checkSizes("readerPool", readerPool);

  if (readOnly) checkReadOnly(options, shadow);
  const isNowhere = [writer.host, writer.connectionString, environment["PGHOST"]].every(isMissing);
  if (allowedWrites.length > 0 && isNowhere) {
    throw new ConfigError(
      "allowWritesTo",
      "allowWritesTo names tables to be written, but nothing says where the writer is. Give writer or DATABASE_URL, or leave allowWritesTo out.",
    );
  }
  const mirror = options.mirror === true;
  const servers = {
    writer: sealEndpoint(writerOption, writer, auth),
    readers: Object.freeze(
      readers.map(([option, reader]) =>
        sealEndpoint(option, reader, auth, options.availabilityZone),
      ),
    ),
  };
  const ownSockets = [common, writer, ...readers.map(([, reader]) => reader)].some(
    ({ stream }) => stream !== undefined,
  );

  return Object.freeze({
    ...servers,
    mirror,
    topology: readTopology(options.topology, { ...servers, mirror, ownSockets }),
    writerPool: sealPool(writerPool),
    readerPool: sealPool(readerPool),
    readOnlyTransactions: options.readOnlyTransactions ?? "reader",
    mode: options.mode ?? "auto",
    shadow,
    tables: readTables(options.tables ?? {}),
    readOnly,
    hasWriter: !readOnly || allowedWrites.length > 0,
    allowedWrites,
    route: options.route,
    log: readLog(options),
    sqlComment: options.sqlComment,
    freshness: sealFreshness(options, readOnly),
    failoverTimeoutMillis: parseDuration(options.failoverTimeout ?? "30s") ?? 0,
    maxWaiting: options.maxWaiting ?? 50_000,
    endTimeoutMillis: parseDuration(options.endTimeout ?? "30s") ?? 0,
    maxLagMillis: options.maxLag === undefined ? undefined : parseDuration(options.maxLag),
    readerFallbackMax: readOnly ? 0 : fallbackMax(options, writerPool.max ?? 10),
    writerLanes: readLanes(options.lanes, environment, writerPool.max ?? 10, [servers.writer]),
    readerLanes: readLanes(options.lanes, environment, readerPool.max ?? 10, servers.readers),
    prepare: readPrepare(options.prepare, environment, [servers.writer, ...servers.readers]),
    catalog: readCatalogOptions(options.catalog, environment),
    functions: readFunctions(options.functions ?? {}),
    statsSocket: (options.statsSocket ?? environment["DATABASE_STATS_SOCKET"]) || undefined,
    statements: Object.freeze(
      defined({
        maxParseBytes: options.maxParseBytes,
        maxEntries: options.statementCache?.maxEntries,
        maxBytes: options.statementCache?.maxBytes,
      }),
    ),
  });
}

/** @throws ConfigError */
function readLog({ logger, slowQuery }: PoolOptions): LogSettings | undefined {
  if (logger === undefined) return undefined;
  return Object.freeze({
    write: readLogger(logger),
    slowMillis: parseDuration(slowQuery ?? "1s") ?? 0,
  });
}

/** How many of the writer's connections reads may have while every reader is out; 0: none. */
function fallbackMax({ readerFallback, readerFallbackMax }: PoolOptions, max: number): number {
  if (readerFallback !== "error") return readerFallbackMax ?? Math.max(1, Math.floor(max * 0.8));
  if (readerFallbackMax === undefined) return 0;
  throw new ConfigError(
    "readerFallbackMax",
    'readerFallbackMax says how many connections reads may take from the writer, and readerFallback: "error" that they may not. Leave one of them out.',
  );
}

function sealFreshness(
  { consistency, maxStaleness, freshness = {}, ignoreWritesTo = [] }: PoolOptions,
  readOnly: boolean,
): FreshnessSettings {
  const {
    wait = readOnly ? readOnlyWaitMillis : 10,
    positions = "auto",
    window = 15_000,
    secret = [],
  } = freshness;
  const settings = {
    consistency: consistency ?? "process",
    maxStaleness: maxStaleness === undefined ? undefined : parseDuration(maxStaleness),
    waitMillis: wait,
    positions,
    windowMillis: window,
    secrets: Object.freeze([secret].flat()),
    ignored: new Set(ignoreWritesTo),
  } as const;
  // Whoever prints the configuration does not see them.
  Object.defineProperty(settings, "secrets", { enumerable: false });
  return Object.freeze(settings);
}

/** The writer's settings, after the name of what gave them. */
function readWriter(options: PoolOptions, url: string | undefined): Named {
  const own: ClientConfig = { ...pick(options, locationKeys), ...pick(options, identityKeys) };
  if (options.writer !== undefined) {
    const clash = locationKeys.find((key) => own[key] !== undefined);
    if (clash !== undefined) {
      throw new ConfigError(
        clash,
        `${clash} and writer both say where the writer is. Give one of them.`,
      );
    }
    return ["writer", { ...own, ...readEndpoint("writer", options.writer) }];
  }
  if (own.connectionString !== undefined) {
    const { settings, rest } = readUrl("connectionString", own.connectionString);
    return ["connectionString", { ...own, ...settings, connectionString: rest }];
  }
  if (url !== undefined && url !== "") {
    return ["DATABASE_URL", { ...readEndpoint("DATABASE_URL", url), ...own }];
  }
  return ["writer", own];
}

function pick(options: ClientConfig, keys: readonly (keyof ClientConfig)[]): ClientConfig {
  return Object.fromEntries(
    keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]),
  );
}

function readReaders(
  options: PoolOptions,
  writer: EndpointSettings,
  urls: string | undefined,
): Named[] {
  if (options.reader !== undefined && options.readers !== undefined) {
    throw new ConfigError("reader", "reader and readers are both given. Give one of them.");
  }
  const given: [string, ReaderOption][] =
    options.readers !== undefined
      ? options.readers.map((reader, index) => [`readers[${index}]`, reader])
      : options.reader !== undefined
        ? [["reader", options.reader]]
        : urls !== undefined && urls.trim() !== ""
          ? urls.split(",").map((url) => ["DATABASE_READER_URL", url.trim()])
          : [];
  if (options.mirror === true) {
    if (options.reader !== undefined || options.readers !== undefined) {
      throw new ConfigError(
        "mirror",
        "mirror makes the writer's own server the reader, but a reader is given too. Leave one of them out.",
      );
    }
    return [["mirror", { ...writer }]];
  }
  return given.map(([option, value]) => {
    // What the application says in code goes before the URLs of the environment.
    const own = option === "DATABASE_READER_URL" ? pick(options, identityKeys) : {};
    const reader = inherit({ ...readEndpoint(option, value), ...own }, writer);
    if (
      reader.database !== undefined &&
      writer.database !== undefined &&
      reader.database !== writer.database
    ) {
      throw new ConfigError(
        option,
        `${option} names the database "${reader.database}", but the writer's is "${writer.database}". Both must be the same database.`,
      );
    }
    return [option, reader];
  });
}

/** pg's options that hold for both sides. */
function commonPoolOptions(
  options: PoolOptions,
  environment: Readonly<Record<string, string | undefined>>,
): PgPoolConfig {
  const {
    writer: _w,
    reader: _r,
    readers: _rs,
    mirror: _m,
    writerPool: _wp,
    readerPool: _rp,
    readOnlyTransactions: _t,
    mode: _mo,
    shadow: _sh,
    tables: _ta,
    route: _ro,
    logger: _lo,
    slowQuery: _sq,
    sqlComment: _sc,
    readOnly: _rr,
    allowWritesTo: _aw,
    failoverTimeout: _ft,
    maxWaiting: _mw,
    endTimeout: _et,
    availabilityZone: _az,
    maxLag: _ml,
    readerFallback: _rf,
    readerFallbackMax: _rm,
    lanes: _la,
    prepare: _pr,
    catalog: _ca,
    functions: _fn,
    statsSocket: _ss,
    maxParseBytes: _p,
    statementCache: _c,
    auth: _a,
    topology: _to,
    consistency: _co,
    maxStaleness: _ms,
    freshness: _f,
    ignoreWritesTo: _i,
    connectionString: _cs,
    user: _u,
    password: _pw,
    host: _h,
    port: _po,
    database: _d,
    ssl: _s,
    ...rest
  } = options;
  const max = rest.max ?? rest.poolSize ?? environmentSize("DATABASE_POOL_MAX", environment);
  return max === undefined ? rest : { ...rest, max };
}

const isMissing = (value: unknown): boolean => value === undefined || value === "";

function environmentSize(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  checkPositiveInteger(name, Number.isNaN(value) ? text : value);
  return value;
}

/** The fields that have a value, so that an explicit `undefined` overrides nothing. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function sealPool(options: PgPoolConfig): Readonly<PgPoolConfig> {
  return Object.freeze(hideSecrets(options));
}
