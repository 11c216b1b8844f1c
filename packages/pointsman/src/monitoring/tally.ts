import type { Labels, Metric, MetricName } from "./metrics.ts";
import { metrics } from "./metrics.ts";
import type { CounterName, HistogramName, Recorder } from "./pool-meter.ts";
import type { Sample } from "./snapshot.ts";

/** Upper bounds of the buckets of histograms, in seconds. */
export const bucketBounds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];

interface Count {
  readonly labels: Labels;
  value: number;
}

interface Histogram {
  readonly labels: Labels;
  /** How many values each bucket has taken by itself; the last one has those above all bounds. */
  readonly buckets: number[];
  sum: number;
}

/** Keeps counters and histograms in memory. */
export class Tally implements Recorder {
  readonly #counts = new Map<CounterName, Map<string, Count>>();
  readonly #histograms = new Map<HistogramName, Map<string, Histogram>>();

  add(counter: CounterName, labels: Labels): void {
    const make = (own: Labels): Count => ({ labels: own, value: 0 });
    seriesOf(this.#counts, counter, labels, make).value += 1;
  }

  record(histogram: HistogramName, value: number, labels: Labels): void {
    const series = seriesOf(this.#histograms, histogram, labels, (own) => ({
      labels: own,
      buckets: new Array<number>(bucketBounds.length + 1).fill(0),
      sum: 0,
    }));
    const above = bucketBounds.findIndex((bound) => value <= bound);
    const at = above === -1 ? bucketBounds.length : above;
    series.buckets[at] = (series.buckets[at] ?? 0) + 1;
    series.sum += value;
  }

  /** What was counted, as Prometheus would be told. */
  samples(): readonly Sample[] {
    const told: Sample[] = [];
    for (const [metric, series] of this.#counts) {
      const { prometheus: name } = metrics[metric];
      for (const { labels, value } of series.values()) told.push({ name, labels, value });
    }
    for (const [metric, series] of this.#histograms) {
      const { prometheus: name } = metrics[metric];
      for (const histogram of series.values()) told.push(...samplesOf(name, histogram));
    }
    return told;
  }
}

function samplesOf(name: string, { labels, buckets, sum }: Histogram): readonly Sample[] {
  let count = 0;
  const told = buckets.map((own, at): Sample => {
    count += own;
    const le = String(bucketBounds[at] ?? "+Inf");
    return { name: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...told,
    { name: `${name}_sum`, labels, value: sum },
    { name: `${name}_count`, labels, value: count },
  ];
}

function seriesOf<N extends MetricName, S>(
  all: Map<N, Map<string, S>>,
  name: N,
  labels: Labels,
  make: (labels: Labels) => S,
): S {
  let series = all.get(name);
  if (series === undefined) {
    series = new Map();
    all.set(name, series);
  }
  const { labels: known }: Metric = metrics[name];
  const key = known.map((label) => labels[label]).join("\0");
  const found = series.get(key);
  if (found !== undefined) return found;
  const made = make(labels);
  series.set(key, made);
  return made;
}
