import type { Sample } from "./reading.ts";

export interface Quantile {
  readonly seconds: number;
  /** It is more: above all bounds. */
  readonly isMore: boolean;
}

/**
 * A quantile of what histograms have counted, by their buckets: inside a bucket values are taken to
 * be spread evenly, as Prometheus does.
 *
 * @param buckets - samples of `_bucket`, with how many values were at most `le`
 * @param share - 0.5 for the median
 * @returns `undefined` where nothing was counted
 */
export function quantileOf(buckets: readonly Sample[], share: number): Quantile | undefined {
  const counts = new Map<number, number>();
  for (const { labels, value } of buckets) {
    const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
    if (!Number.isNaN(bound)) counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  const bounds = [...counts].sort(([a], [b]) => a - b);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return undefined;
  const rank = share * total;
  let below = { bound: 0, count: 0 };
  for (const [bound, count] of bounds) {
    if (count >= rank && count > below.count) {
      if (bound === Infinity) return { seconds: below.bound, isMore: true };
      const inside = (rank - below.count) / (count - below.count);
      return { seconds: below.bound + inside * (bound - below.bound), isMore: false };
    }
    below = { bound, count: Math.max(count, below.count) };
  }
  return { seconds: below.bound, isMore: true };
}
