/** How a figure came out over the rounds: one slow round moves none but `max`. */
export interface Spread {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
}

/**
 * The value below which a share of the values lies, with the neighbours' mean in between.
 *
 * @param sorted - in ascending order, at least one
 * @param share - 0 to 1; 0.5 is the median
 */
export function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) {
    throw new RangeError("There is no quantile of no values.");
  }
  return below + (above - below) * (position - Math.floor(position));
}

/** @throws RangeError for no values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    min: quantile(sorted, 0),
    q1: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    q3: quantile(sorted, 0.75),
    max: quantile(sorted, 1),
  };
}

/**
 * How one contender compares with another, round by round: what disturbs the machine for longer
 * than a slice disturbs both of a pair, and falls out of their ratio.
 *
 * @throws RangeError when there are not as many of one as of the other
 */
export function pairwiseRatios(
  values: readonly number[],
  baseline: readonly number[],
): readonly number[] {
  if (values.length !== baseline.length) {
    throw new RangeError(`${values.length} rounds cannot be paired with ${baseline.length}.`);
  }
  return values.map((value, round) => value / (baseline[round] as number));
}

/** The same figure in another unit. */
export function scaled(spread: Spread, factor: number): Spread {
  return {
    min: spread.min * factor,
    q1: spread.q1 * factor,
    median: spread.median * factor,
    q3: spread.q3 * factor,
    max: spread.max * factor,
  };
}
