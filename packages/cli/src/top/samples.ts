import type { Sample } from "./reading.ts";

type Where = Readonly<Record<string, string>>;

/** The samples of a name whose labels have these values. */
export function samplesOf(samples: readonly Sample[], name: string, where: Where = {}): Sample[] {
  const wanted = Object.entries(where);
  return samples.filter(
    (sample) =>
      sample.name === name &&
      Number.isFinite(sample.value) &&
      wanted.every(([label, value]) => sample.labels[label] === value),
  );
}

/** The sum of their values; 0 where there are none. */
export function sumOf(samples: readonly Sample[], name: string, where: Where = {}): number {
  return samplesOf(samples, name, where).reduce((sum, { value }) => sum + value, 0);
}

/** Sums by what a sample is of, the greatest first. */
export function sumsBy(
  samples: readonly Sample[],
  keyOf: (labels: Sample["labels"]) => string,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples) {
    const key = keyOf(labels);
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return new Map([...sums].sort(([, a], [, b]) => b - a));
}
