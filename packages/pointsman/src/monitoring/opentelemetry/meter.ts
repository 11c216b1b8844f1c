import type { Attributes, Counter, Histogram, Meter, Observable } from "@opentelemetry/api";
import { type Metric, type MetricName, metrics } from "../metrics.ts";
import {
  type CounterName,
  type HistogramName,
  type Metered,
  meterPool,
  type ReadingName,
  readPool,
} from "../pool-meter.ts";
import { attributesOf, type PoolNames, poolAttributes } from "./attributes.ts";

/** The bounds that the conventions recommend for operations of databases, in seconds. */
const bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** The search for a writer takes seconds, or minutes. */
const longBounds = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300];

/**
 * Keeps the metrics of a pool in the instruments of a meter.
 *
 * @returns ends it
 */
export function meterWith(meter: Meter, pool: Metered, names: PoolNames): () => void {
  const common = poolAttributes(names);
  const counters = new Map<MetricName, Counter>();
  const histograms = new Map<MetricName, Histogram>();
  const observables = new Map<MetricName, Observable>();
  for (const [name, metric] of Object.entries(metrics) as [MetricName, Metric][]) {
    const { kind, isKept, otel, unit, description } = metric;
    const about = { unit, description };
    if (kind === "histogram") {
      const advice = {
        explicitBucketBoundaries: name === "failoverDuration" ? longBounds : bounds,
      };
      histograms.set(name, meter.createHistogram(otel, { ...about, advice }));
    } else if (isKept === true) {
      observables.set(name, meter.createObservableCounter(otel, about));
    } else if (kind === "counter") {
      counters.set(name, meter.createCounter(otel, about));
    } else if (isCount(metric)) {
      observables.set(name, meter.createObservableUpDownCounter(otel, about));
    } else observables.set(name, meter.createObservableGauge(otel, about));
  }
  const stop = meterPool(pool, {
    add: (name: CounterName, labels) => {
      counters.get(name)?.add(1, { ...common, ...attributesOf(labels) });
    },
    record: (name: HistogramName, value, labels) => {
      histograms.get(name)?.record(value, { ...common, ...attributesOf(labels) });
    },
  });
  const observe = (result: {
    observe(metric: Observable, value: number, attributes?: Attributes): void;
  }): void => {
    for (const { metric, value, labels } of readPool(pool)) {
      const observable = observables.get(metric satisfies ReadingName);
      if (observable === undefined) continue;
      result.observe(observable, value, { ...common, ...attributesOf(labels) });
    }
  };
  const observed = [...observables.values()];
  meter.addBatchObservableCallback(observe, observed);
  return () => {
    stop();
    meter.removeBatchObservableCallback(observe, observed);
  };
}

/** Whether it counts things, which may be added up over pools and processes. */
function isCount({ unit }: Metric): boolean {
  return unit.startsWith("{");
}
