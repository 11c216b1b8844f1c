import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from "prom-client";
import { ConfigError } from "../errors.ts";
import { type Metric, type MetricName, metrics } from "../monitoring/metrics.ts";
import {
  type CounterName,
  type HistogramName,
  type Metered,
  type Reading,
  type Recorder,
  readPool,
} from "../monitoring/pool-meter.ts";
import { nameAmong } from "../monitoring/pool-name.ts";
import { PoolSeries } from "./prometheus-series.ts";

type AnyRegistry = Registry | Registry<OpenMetricsContentType>;

/** Seconds: from a read in the same rack to a report. */
const defaultBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** Seconds: from a planned switch to an outage. */
const failoverBuckets: readonly number[] = [0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

type Known = Readonly<Record<MetricName, Metric>>;

/** The metrics of this library in one registry, which all pools that are collected there share. */
export class RegistryMetrics {
  readonly buckets: readonly number[];
  readonly #made = new Map<MetricName, Counter | Gauge | Histogram>();
  readonly #series = new Set<PoolSeries>();
  #readings: readonly PoolReading[] | undefined;

  constructor(register: AnyRegistry, buckets = defaultBuckets) {
    this.buckets = buckets;
    for (const [name, metric] of Object.entries(metrics as Known)) {
      this.#made.set(name as MetricName, this.#make(name as MetricName, metric, register));
    }
  }

  #make(name: MetricName, { kind, isKept, ...metric }: Metric, register: AnyRegistry) {
    const settings = {
      name: metric.prometheus,
      help: metric.description,
      labelNames: ["pool", ...metric.labels],
      registers: [register],
    };
    if (kind === "histogram") {
      const buckets = name === "failoverDuration" ? failoverBuckets : this.buckets;
      return new Histogram({ ...settings, buckets: [...buckets] });
    }
    if (kind === "gauge") {
      const gauge: Gauge = new Gauge({
        ...settings,
        aggregator: metric.together ?? "sum",
        collect: () => {
          // What is not known any more has no series: there are as many as the pools know of now.
          gauge.reset();
          for (const { series, value, labels } of this.#read(name)) {
            gauge.set(series.own(labels), value);
          }
        },
      });
      return gauge;
    }
    if (isKept !== true) return new Counter(settings);
    const counter: Counter = new Counter({
      ...settings,
      collect: () => {
        for (const { series, value, labels } of this.#read(name)) {
          counter.inc(series.labels(name, labels), series.growth(name, labels, value));
        }
      },
    });
    return counter;
  }

  /** Whether the registry still has them: it may have been cleared. */
  areIn(register: AnyRegistry): boolean {
    return register.getSingleMetric(metrics.statements.prometheus) === this.#made.get("statements");
  }

  /**
   * Begins the series of a pool.
   *
   * @param name - its label, where the caller has chosen it
   * @param otherwise - what it is called else
   * @throws ConfigError when the pool or the name is here already
   */
  open(pool: Metered, name: string | undefined, otherwise: string): PoolSeries {
    const others = [...this.#series];
    if (others.some((series) => series.pool === pool)) {
      throw new ConfigError(
        "register",
        "The metrics of this pool are collected in this registry already. Stop that first, or use another registry.",
      );
    }
    const names = new Set(others.map((series) => series.name));
    const own = nameAmong(names, name, otherwise);
    if (own === undefined) {
      throw new ConfigError(
        "pool",
        `Another pool is collected as "${name}" in this registry. Give this one a name of its own.`,
      );
    }
    const series = new PoolSeries(pool, own);
    this.#series.add(series);
    this.#begin(series);
    return series;
  }

  /** A counter that comes with its first event hides that from `rate()` and `increase()`. */
  #begin(series: PoolSeries): void {
    this.#counter("failovers").inc(series.labels("failovers", {}), 0);
  }

  /** Who keeps what happens in a pool. */
  recorder(series: PoolSeries): Recorder {
    return {
      add: (name, labels) => this.#counter(name).inc(series.labels(name, labels)),
      record: (name, value, labels) =>
        this.#histogram(name).observe(series.labels(name, labels), value),
    };
  }

  /** Takes the series of a pool away; gauges are without it when they are asked again. */
  close(series: PoolSeries): void {
    if (!this.#series.delete(series)) return;
    this.#readings = undefined;
    for (const [name, labels] of series.all()) this.#made.get(name)?.remove(labels);
  }

  #counter(name: CounterName): Counter {
    return this.#made.get(name) as Counter;
  }

  #histogram(name: HistogramName): Histogram {
    return this.#made.get(name) as Histogram;
  }

  /** All metrics of a registry are asked in one go, and pools are read once for it. */
  #read(name: MetricName): readonly PoolReading[] {
    if (this.#readings === undefined) {
      queueMicrotask(() => {
        this.#readings = undefined;
      });
      this.#readings = [...this.#series].flatMap((series) =>
        readPool(series.pool).map((reading) => ({ series, ...reading })),
      );
    }
    return this.#readings.filter(({ metric }) => metric === name);
  }
}

interface PoolReading extends Reading {
  readonly series: PoolSeries;
}

/**
 * The metrics hang on the global object by their registry, so that an ESM and a CommonJS copy in one
 * process share them. The version in the key changes with their shape.
 */
const home = Symbol.for("pointsman.prometheus.v1");

/**
 * The metrics in a registry, made there for its first pool.
 *
 * @throws ConfigError when buckets are wished that are not those which are there
 */
export function registryMetrics(
  register: AnyRegistry,
  buckets: readonly number[] | undefined,
): RegistryMetrics {
  const holder = globalThis as { [home]?: WeakMap<AnyRegistry, RegistryMetrics> };
  holder[home] ??= new WeakMap();
  const there = holder[home].get(register);
  if (there?.areIn(register)) {
    if (buckets !== undefined && buckets.join() !== there.buckets.join()) {
      throw new ConfigError(
        "buckets",
        `The histograms of this registry have the buckets ${there.buckets.join(", ")}. All pools in it share them: give the same, or use another registry.`,
      );
    }
    return there;
  }
  const made = new RegistryMetrics(register, buckets);
  holder[home].set(register, made);
  return made;
}
