import { type Labels, type MetricName, metrics } from "../monitoring/metrics.ts";
import type { Metered } from "../monitoring/pool-meter.ts";

type SeriesLabels = Readonly<Record<string, string>>;

/**
 * The counters and histograms of one pool in a registry: which series there are, so that they can be
 * taken away.
 */
export class PoolSeries {
  readonly pool: Metered;
  /** The label `pool` of all of them. */
  readonly name: string;
  readonly #labels = new Map<MetricName, Map<string, SeriesLabels>>();
  /** What kept counters were at last. */
  readonly #kept = new Map<SeriesLabels, number>();

  constructor(pool: Metered, name: string) {
    this.pool = pool;
    this.name = name;
  }

  /** Labels, with that of the pool. */
  own(labels: Labels): SeriesLabels {
    return { pool: this.name, ...labels };
  }

  /** The labels of one series; always the same object. */
  labels(name: MetricName, labels: Labels): SeriesLabels {
    const key = metrics[name].labels.map((label) => labels[label]).join("\0");
    const ofMetric = this.#labels.get(name) ?? new Map<string, SeriesLabels>();
    const known = ofMetric.get(key);
    if (known !== undefined) return known;
    const own = this.own(labels);
    this.#labels.set(name, ofMetric.set(key, own));
    return own;
  }

  /** By how much a kept counter has grown; from 0 where it has begun anew. */
  growth(name: MetricName, labels: Labels, value: number): number {
    const own = this.labels(name, labels);
    const before = this.#kept.get(own) ?? 0;
    this.#kept.set(own, value);
    return value < before ? value : value - before;
  }

  /** All that there are. */
  all(): (readonly [MetricName, SeriesLabels])[] {
    return [...this.#labels].flatMap(([name, ofMetric]) =>
      [...ofMetric.values()].map((labels) => [name, labels] as const),
    );
  }
}
