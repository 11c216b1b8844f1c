import type { Benchmark } from "./benchmark.ts";

/** How long and how often to measure. */
export interface Effort {
  /** Slices of each contender in each comparison. */
  readonly rounds: number;
  /** How often all processes are started anew; the rounds are shared out among the sittings. */
  readonly sittings: number;
  /** Milliseconds of warm-up of each contender in each comparison. */
  readonly warmUpMs: number;
  /** Milliseconds that a slice should take. */
  readonly sliceMs: number;
  /** Operations that a slice has at least, with so many at once. */
  readonly leastOperations: (concurrency: number) => number;
}

export const defaultRounds = 100;
export const quickRounds = 3;

/** Two compilations of the same code may differ by some percent for the life of a process. */
const mostSittings = 4;
/** A sitting has so many rounds at least: its warm-up takes longer than these. */
const leastRounds = 4;
/** A quick run's slices have so many times fewer operations at least. */
const quicker = 4;

/** @param rounds - what was asked for; absent: as many as the benchmark wants */
export function effortFor(
  { rounds: wanted = defaultRounds, leastOperations = () => 1 }: Benchmark,
  quick: boolean,
  rounds = quick ? quickRounds : wanted,
): Effort {
  return quick
    ? {
        rounds,
        sittings: 1,
        warmUpMs: 20,
        sliceMs: 10,
        leastOperations: (concurrency) => Math.ceil(leastOperations(concurrency) / quicker),
      }
    : {
        rounds,
        sittings: Math.max(1, Math.min(mostSittings, Math.floor(rounds / leastRounds))),
        warmUpMs: 1500,
        sliceMs: 60,
        leastOperations,
      };
}
