import { type Cluster, startCluster } from "@pointsman/local";
import type { RunOptions } from "./arguments.ts";
import type { Benchmark } from "./benchmark.ts";
import { buildBenchmark } from "./build.ts";
import { chooseComparisons } from "./choose-comparisons.ts";
import { effortFor } from "./effort.ts";
import type { FoundBenchmark } from "./find-benchmark.ts";
import { evaluateGoal } from "./goals.ts";
import { describeMachine } from "./machine.ts";
import { measure } from "./measure.ts";
import { MeasuredProcess } from "./measured-process.ts";
import type { Report } from "./report.ts";
import { haveReaders, type Servers, serversOf } from "./servers.ts";

/** Builds a benchmark, starts the servers that it needs, measures and judges. */
export async function runBenchmark(
  { name, file, benchmark }: FoundBenchmark,
  { rounds, quick, profile, only, contender }: Omit<RunOptions, "json">,
  progress: (doing: string) => void = () => {},
): Promise<Report> {
  progress("building");
  const { program, remove } = await buildBenchmark(file);
  const open = (of: string, to: Servers): Promise<MeasuredProcess> =>
    MeasuredProcess.open(program, of, to, profile);
  const comparisons = chooseComparisons(benchmark, { quick, only });
  try {
    const { results, counts } = await withCluster(benchmark, progress, async (cluster) => {
      if (cluster !== undefined && benchmark.counts !== undefined) progress("counting");
      const counting = { quick, only, contender, open, progress };
      const counts = cluster === undefined ? [] : await benchmark.counts?.(cluster, counting);
      const serversWith = async (readers = benchmark.cluster?.options.readers) => {
        if (cluster === undefined) return {};
        if (readers !== undefined) await haveReaders(cluster, readers);
        return serversOf(cluster);
      };
      const place = { open, serversWith, progress };
      const results = await measure(comparisons, place, effortFor(benchmark, quick, rounds));
      return { results, counts: counts ?? [] };
    });
    const { leftOut = [] } = benchmark;
    return {
      machine: describeMachine(),
      name,
      quick,
      results,
      counts,
      goals: benchmark.goals.map((goal) => evaluateGoal(goal, results, counts)),
      leftOut,
      tables: benchmark.tables?.(results, counts) ?? [],
    };
  } finally {
    remove();
  }
}

async function withCluster<T>(
  { cluster: wanted }: Benchmark,
  progress: (doing: string) => void,
  use: (cluster?: Cluster) => Promise<T>,
): Promise<T> {
  if (wanted === undefined) return use();
  progress("starting servers");
  const cluster = await startCluster(wanted.options);
  try {
    await wanted.prepare?.(cluster);
    return await use(cluster);
  } finally {
    await cluster.stop();
  }
}
