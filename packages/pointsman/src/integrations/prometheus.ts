import { type OpenMetricsContentType, type Registry, register as shared } from "prom-client";
import { ConfigError } from "../errors.ts";
import { type Metered, meterPool } from "../monitoring/pool-meter.ts";
import { type NamedPool, poolNameOf } from "../monitoring/pool-name.ts";
import { registryMetrics } from "./prometheus-metrics.ts";

/** What is used of a pool. */
export interface CollectedPool extends Metered, NamedPool {}

export interface CollectMetricsOptions {
  /** Where the metrics are registered. Default: the global registry of `prom-client`. */
  readonly register?: Registry | Registry<OpenMetricsContentType> | undefined;
  /**
   * The label `pool` of all series of this pool. Default: `host:port/database` of its writer; a second
   * pool there gets `#2` behind it, and so on.
   */
  readonly pool?: string | undefined;
  /**
   * The upper bounds of the buckets of all histograms but that of failovers, in seconds, ascending.
   * All pools of a registry share them. Default: 15 from 0.0005 to 30.
   */
  readonly buckets?: readonly number[] | undefined;
}

/**
 * Collects the metrics of a pool in a registry of `prom-client`: counters and histograms as things
 * happen, and the rest whenever the registry is asked. `docs/observability.md` has the list of them.
 *
 * Several pools may be collected in one registry: the label `pool` tells their series apart. For
 * labels of the whole process there is the registry's own `setDefaultLabels()`.
 *
 * @param pool - the pool to collect from
 * @param options - see {@link CollectMetricsOptions}
 * @returns ends it, and takes the pool's series out of the registry
 * @throws ConfigError when the pool is collected in the registry already, when another pool there has
 * the name, or when buckets are not ascending or not those of the registry's other pools
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createPool } from "pointsman";
 * import { collectMetrics } from "pointsman/prometheus";
 * import { register } from "prom-client";
 *
 * const pool = createPool();
 * collectMetrics(pool, { pool: "shop" });
 * const server = createServer(async (_request, response) => {
 *   response.setHeader("content-type", register.contentType);
 *   response.end(await register.metrics());
 * });
 * // server.listen(9100)
 * ```
 */
export function collectMetrics(
  pool: CollectedPool,
  { register = shared, pool: name, buckets }: CollectMetricsOptions = {},
): () => void {
  if (name === "") throw new ConfigError("pool", "pool must not be empty.");
  if (buckets !== undefined) checkBuckets(buckets);
  const metrics = registryMetrics(register, buckets);
  const series = metrics.open(pool, name, poolNameOf(pool));
  const stopHearing = meterPool(pool, metrics.recorder(series));
  return () => {
    stopHearing();
    metrics.close(series);
  };
}

function checkBuckets(buckets: readonly number[]): void {
  const ascend = buckets.every((bound, index) => bound > (buckets[index - 1] ?? 0));
  if (buckets.length > 0 && ascend && buckets.every(Number.isFinite)) return;
  throw new ConfigError(
    "buckets",
    "buckets must be seconds above 0, each more than the one before it.",
  );
}
