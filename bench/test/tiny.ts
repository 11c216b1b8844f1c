import { type Benchmark, findResult } from "../src/harness/benchmark.ts";

function busy(rounds: number): number {
  let sum = 0;
  for (let n = 0; n < rounds; n += 1) sum += Math.sqrt(n);
  return sum;
}

const sums = (rounds: number) => () => ({
  run(operations: number) {
    for (let n = 0; n < operations; n += 1) busy(rounds);
  },
});

/** Twice as much work as the other: its ratio is known beforehand. */
export const benchmark: Benchmark = {
  title: "One sum against twice the sum.",
  contenders: { once: sums(20_000), twice: sums(40_000) },
  comparisons: [
    { name: "sums", contenders: ["once", "twice"], baseline: "once" },
    { name: "sums at length", contenders: ["once"], onlyInFull: true },
  ],
  leastOperations: () => 200,
  goals: [
    {
      name: "twice costs more",
      atLeast: 1,
      measured: (results) => findResult(results, "sums", "twice")?.cpuRatio,
    },
    { name: "never measured", atMost: 1, measured: () => undefined },
  ],
  leftOut: ["thrice: it is slow"],
  tables: (results) => [
    {
      title: "Rounds",
      head: ["sums", "rounds"],
      rows: results.map(({ contender, rounds }) => [contender, String(rounds)]),
    },
  ],
};
