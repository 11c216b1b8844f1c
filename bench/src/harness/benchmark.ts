import type { Cluster, ClusterOptions } from "@pointsman/local";
import type { MeasuredProcess } from "./measured-process.ts";
import type { Servers } from "./servers.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** One benchmark: what a file in `bench/src` exports as `benchmark`. */
export interface Benchmark {
  /** What it measures, in one sentence. */
  readonly title: string;
  /** Given when it needs servers. They run beside the harness, in none of the measured processes. */
  readonly cluster?: {
    readonly options: ClusterOptions;
    /** Makes the tables. Called once, before anything is measured. */
    readonly prepare?: (cluster: Cluster) => Promise<void>;
  };
  /** What is compared, by name. Each runs in a process of its own. */
  readonly contenders: Readonly<Record<string, OpenContender>>;
  readonly comparisons: readonly Comparison[];
  /** Rounds of a run that is not told how many. Default: 100. */
  readonly rounds?: number;
  /**
   * Operations that a slice has at least, with so many at once; a quarter of it in a quick run.
   * Default: as many as the slowest contender does in the time of a slice.
   */
  readonly leastOperations?: (concurrency: number) => number;
  /** Counts what is not a matter of time, once, before anything is measured. */
  readonly counts?: (cluster: Cluster, counting: Counting) => Promise<readonly Count[]>;
  readonly goals: readonly Goal[];
  /** What could be measured, but not here, each with the reason. The report says so. */
  readonly leftOut?: readonly string[];
  /** Tables of what was found, as a document shows them. The report prints them as Markdown. */
  readonly tables?: (results: readonly Result[], counts: readonly Count[]) => readonly Table[];
}

/** A table of a document: as many cells in each row as in its head. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What is to be counted, and how. */
export interface Counting {
  /** With as little work as shows that it works. */
  readonly quick: boolean;
  /** Which of it: what has this in its name. Absent: all. */
  readonly only?: string | undefined;
  /** Which contender. Absent: all. */
  readonly contender?: string | undefined;
  /** Makes a contender ready, in a process of its own. */
  readonly open: (contender: string, servers: Servers) => Promise<MeasuredProcess>;
  readonly progress: (doing: string) => void;
}

/** Makes a contender ready, in the process in which it will be measured. */
export type OpenContender = (servers: Servers) => Contender | Promise<Contender>;

/** A number that was counted. */
export interface Count {
  readonly name: string;
  readonly value: number;
}

/** What is measured: something that can be done many times. */
export interface Contender {
  /** Makes what the next `run` consumes. Not measured. */
  prepare?(operations: number): void | Promise<void>;
  /** Does it that many times, at most `concurrency` of them at once. */
  run(operations: number, concurrency: number): void | Promise<void>;
  close?(): void | Promise<void>;
  /** What it has found in its last `run`, beside how long that took. It must pass as JSON. */
  found?(): unknown;
}

/** Contenders that take turns, a slice each in every round. */
export interface Comparison {
  readonly name: string;
  readonly contenders: readonly string[];
  /** The contender that the others are set in relation to. Absent: there are no ratios. */
  readonly baseline?: string;
  /** How many operations are under way at once; each is a comparison of its own. Default: 1. */
  readonly concurrency?: readonly number[];
  /** The same in a quick run. Default: as in any other. */
  readonly quickConcurrency?: readonly number[];
  /** Operations in one slice. Default: as many as the slowest does in the time of a slice. */
  readonly operations?: number;
  /** Readers that the cluster has meanwhile. Default: as many as it was started with. */
  readonly readers?: number;
  /** Left out of a quick run, because it takes long however little is measured. Default: false. */
  readonly onlyInFull?: boolean;
}

/** What is to be reached: one of `atMost` and `atLeast` is given. */
export interface Goal {
  readonly name: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The figure in the goal's own unit; `undefined` when it was not measured. */
  readonly measured: (results: readonly Result[], counts: readonly Count[]) => Spread | undefined;
}

/** What one contender did in one comparison. */
export interface Result {
  readonly comparison: string;
  readonly contender: string;
  readonly concurrency: number;
  /** Operations in each slice. */
  readonly operations: number;
  readonly rounds: number;
  /** Wall time per operation, in nanoseconds. */
  readonly wallNs: Spread;
  /** CPU time of the contender's process per operation, user and system, in nanoseconds. */
  readonly cpuNs: Spread;
  readonly operationsPerSecond: Spread;
  /** The one it is compared with, round by round; absent for the baseline itself. */
  readonly baseline?: string;
  /** Its CPU time per operation over the baseline's: below 1 is cheaper. */
  readonly cpuRatio?: Spread;
  /** Its operations per second over the baseline's: above 1 is faster. */
  readonly throughputRatio?: Spread;
}

/**
 * The result of a contender, out of all of them.
 *
 * @example
 * findResult(results, "routed read", "pointsman", 64)?.cpuRatio
 */
export function findResult(
  results: readonly Result[],
  comparison: string,
  contender: string,
  concurrency = 1,
): Result | undefined {
  return results.find(
    (result) =>
      result.comparison === comparison &&
      result.contender === contender &&
      result.concurrency === concurrency,
  );
}

/** A count out of all of them, as a goal wants it. */
export function findCount(counts: readonly Count[], name: string): Spread | undefined {
  const found = counts.find((count) => count.name === name);
  return found === undefined ? undefined : spreadOf([found.value]);
}
