import { type Cluster, startCluster } from "@pointsman/local";
import type { RunOptions } from "./arguments.ts";
import type { Benchmark } from "./benchmark.ts";
import { buildBenchmark } from "./build.ts";
import type { FoundBenchmark } from "./find-benchmark.ts";
import { evaluateGoal } from "./goals.ts";
import { describeMachine } from "./machine.ts";
import { effortFor, measure } from "./measure.ts";
import { MeasuredProcess } from "./measured-process.ts";
import type { Report } from "./report.ts";
import type { Servers } from "./servers.ts";

/** Builds a benchmark, starts the servers that it needs, measures and judges. */
export async function runBenchmark(
  { name, file, benchmark }: FoundBenchmark,
  { rounds, quick, profile, only, contender }: Omit<RunOptions, "json">,
  progress: (doing: string) => void = () => {},
): Promise<Report> {
  progress("building");
  const { program, remove } = await buildBenchmark(file);
  try {
    const effort = { ...effortFor(rounds, quick), profile };
    const found = await withServers(benchmark, progress, async (servers, cluster) => {
      if (cluster !== undefined && benchmark.counts !== undefined) progress("counting");
      const open = (name: string, to: Servers): Promise<MeasuredProcess> =>
        MeasuredProcess.open(program, name, to, profile);
      const counting = { quick, only, contender, open, progress };
      const counts = cluster === undefined ? [] : await benchmark.counts?.(cluster, counting);
      const results = await measure(benchmark, program, servers, effort, progress);
      return { results, counts: counts ?? [] };
    });
    const { results, counts } = found;
    const goals = benchmark.goals.map((goal) => evaluateGoal(goal, results, counts));
    return { machine: describeMachine(), name, quick, results, counts, goals };
  } finally {
    remove();
  }
}

async function withServers<T>(
  { cluster: wanted }: Benchmark,
  progress: (doing: string) => void,
  use: (servers: Servers, cluster?: Cluster) => Promise<T>,
): Promise<T> {
  if (wanted === undefined) return use({});
  progress("starting servers");
  const cluster = await startCluster(wanted.options);
  try {
    await wanted.prepare?.(cluster);
    const urls = cluster.servers.map((server) => [server.name, server.direct.url]);
    return await use({ ...Object.fromEntries(urls), ...cluster.iam?.environment }, cluster);
  } finally {
    await cluster.stop();
  }
}
