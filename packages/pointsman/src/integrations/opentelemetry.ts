import {
  type MeterProvider,
  metrics as metricsApi,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { meterWith } from "../monitoring/opentelemetry/meter.ts";
import { namesTaken } from "../monitoring/opentelemetry/names-taken.ts";
import { PoolSpans } from "../monitoring/opentelemetry/spans.ts";
import type { QueryText } from "../monitoring/opentelemetry/statement-names.ts";
import { veil } from "../monitoring/opentelemetry/veil.ts";
import type { Metered } from "../monitoring/pool-meter.ts";
import { type NamedPool, nameAmong, poolNameOf } from "../monitoring/pool-name.ts";
import { pgCallsOf } from "../servers/pg-calls.ts";

export type { QueryText } from "../monitoring/opentelemetry/statement-names.ts";

/** What {@link instrumentPool} makes. */
export interface InstrumentOptions {
  /** Where spans go. Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /** Where metrics go. Default: the global one, which must have been set by then. */
  readonly meterProvider?: MeterProvider;
  /**
   * The texts of statements in `db.query.text`. `"sanitized"`, the default: with `?` in place of each
   * literal and without comments; a text whose literals cannot be told for sure is left out, and so
   * are the messages of PostgreSQL's errors, which may spell values. `"as-sent"`: as they are, with
   * these messages. `"none"`: no texts, and none of these messages. The values of parameters are never
   * shown.
   */
  readonly queryText?: QueryText;
  /**
   * Makes spans only where there is a span around the caller; none of connections and failovers,
   * which have none. Default: `false`.
   */
  readonly requireParentSpan?: boolean;
  /**
   * Makes a span of each connection that is opened, without a parent: whoever asks first does not own
   * it. Default: `false`.
   */
  readonly connectSpans?: boolean;
  /**
   * `db.client.connection.pool.name`, unique among the pools whose metrics go to one provider.
   * Default: `host:port/database` of the writer; a second pool there gets `#2` behind it, and so on.
   */
  readonly poolName?: string;
}

/** What is instrumented: a `Pool` of this library. */
export interface InstrumentedPool extends Metered, NamedPool {}

/**
 * Makes spans and metrics of what happens in a pool, by the semantic conventions for databases.
 * `@opentelemetry/instrumentation-pg` makes no spans of this pool meanwhile.
 *
 * @param pool - the pool
 * @param options - see {@link InstrumentOptions}
 * @returns ends it; spans of statements that are under way end with them
 * @throws Error when the pool is instrumented already, another one has its `poolName`, or an option is
 * not usable
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { instrumentPool } from "pointsman/opentelemetry";
 *
 * const pool = createPool();
 * const stop = instrumentPool(pool, { poolName: "shop" });
 * await pool.query("select title from books where id = $1", [1]); // a span: SELECT books
 * stop();
 * await pool.end();
 * ```
 */
export function instrumentPool(
  pool: InstrumentedPool,
  options: InstrumentOptions = {},
): () => void {
  const { queryText = "sanitized", requireParentSpan = false, connectSpans = false } = options;
  if (!queryTexts.has(queryText)) {
    throw new Error(`queryText must be "sanitized", "as-sent" or "none"; got "${queryText}".`);
  }
  const calls = pgCallsOf(pool);
  if (calls.veil !== undefined) {
    throw new Error(
      "The pool is instrumented already. Call what instrumentPool() has returned before you call it again.",
    );
  }
  const { database } = pool.options;
  const meterProvider = options.meterProvider ?? metricsApi.getMeterProvider();
  const names = namesTaken(meterProvider);
  const poolName = nameAmong(names, options.poolName, poolNameOf(pool));
  if (poolName === undefined) {
    throw new Error(
      `Another pool is instrumented as "${options.poolName}". Give this one a poolName of its own.`,
    );
  }
  const tracer = (options.tracerProvider ?? trace).getTracer(scopeName);
  const meter = meterProvider.getMeter(scopeName);
  const settings = { namespace: database, queryText, requireParentSpan, connectSpans };
  const spans = new PoolSpans(pool, tracer, settings);
  const stopMeter = meterWith(meter, pool, { namespace: database, poolName });
  calls.veil = veil;
  names.add(poolName);
  let isStopped = false;
  return () => {
    if (isStopped) return;
    isStopped = true;
    spans.stop();
    stopMeter();
    calls.veil = undefined;
    names.delete(poolName);
  };
}

const scopeName = "pointsman";

const queryTexts: ReadonlySet<unknown> = new Set<QueryText>(["sanitized", "as-sent", "none"]);
