import type { RunOptions } from "./arguments.ts";
import type { Benchmark, Comparison } from "./benchmark.ts";

/** What a run measures of a benchmark. */
export function chooseComparisons(
  { comparisons }: Benchmark,
  { quick, only = "" }: Pick<RunOptions, "quick" | "only">,
): readonly Comparison[] {
  const named = comparisons.filter(({ name }) => name.includes(only));
  if (!quick) return named;
  return named
    .filter(({ onlyInFull = false }) => !onlyInFull)
    .map((comparison) => {
      const { quickConcurrency = comparison.concurrency } = comparison;
      return quickConcurrency === undefined
        ? comparison
        : { ...comparison, concurrency: quickConcurrency };
    });
}
