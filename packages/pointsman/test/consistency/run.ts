import type { Cluster } from "@pointsman/local";
import { Client } from "pg";
import type { PoolStats } from "pointsman";
import { check } from "./checker.ts";
import { Clock } from "./clock.ts";
import type { Operation } from "./history.ts";
import { LinesOfWork } from "./lines-of-work.ts";
import type { PoolRequest } from "./make-pool.ts";
import { Nemesis } from "./nemesis.ts";
import { openThread } from "./open-thread.ts";
import { openHere, type PoolProcess } from "./pool-process.ts";
import { Random } from "./random.ts";
import type { Sabotage } from "./sabotage.ts";
import { schema } from "./statements.ts";
import type { Verdict } from "./violation.ts";

export interface RunOptions {
  /** When so many operations are in the history, no more steps are begun. */
  readonly operations: number;
  /** What is done comes of it; when it happens, and so what is found, does not. Default: the time. */
  readonly seed?: number | undefined;
  /** A way to break the library, which the run should find. */
  readonly sabotage?: Sabotage | undefined;
  /** Whether the processes know the writer alone: what is found then, runner or checker made up. */
  readonly oneServer?: boolean | undefined;
  /** The readers of each process, where they are not the cluster's own, which are left in peace. */
  readonly readers?: readonly string[] | undefined;
  /** Default: 3 */
  readonly processes?: number | undefined;
  /** Sessions at any one time. Default: 160 */
  readonly sessions?: number | undefined;
  /** Milliseconds that a session waits between steps, on average. Default: 300 */
  readonly thinkMs?: number | undefined;
  /** Whether each process is a thread of its own. Default: `true` */
  readonly threads?: boolean | undefined;
  /** Called about every second with the number of operations so far. */
  readonly progress?: ((operations: number) => void) | undefined;
}

export interface RunResult {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly seconds: number;
  readonly checkSeconds: number;
  /** Autocommit reads that were free to go to a reader, by the server that answered them. */
  readonly freeReads: Readonly<Record<string, number>>;
  readonly troubles: Readonly<Record<string, number>>;
  readonly nemesis: Readonly<Record<string, number>>;
  readonly stats: readonly PoolStats[];
  readonly history: readonly Operation[];
}

/**
 * Runs a workload on a cluster while its readers are tormented, and checks the history. The cluster
 * may have seen other runs, and is left without lag.
 */
export async function run(cluster: Cluster, options: RunOptions): Promise<RunResult> {
  const { seed = Date.now() % 2 ** 32, progress } = options;
  const { operations, sessions: lines = 160, thinkMs = 300 } = options;
  const random = new Random(seed);
  if (options.readers === undefined) await setUp(cluster);
  const processes = openProcesses(cluster, options);
  const work = new LinesOfWork({ processes, random: random.fork(), lines, thinkMs, operations });
  const nemesis = options.readers === undefined ? new Nemesis(cluster, random.fork()) : undefined;
  const ticker = setInterval(() => progress?.(work.history.length), 1_000);
  const begun = performance.now();
  const stats: PoolStats[] = [];
  try {
    await work.run();
    stats.push(...(await Promise.all(processes.map((process) => process.stats()))));
  } finally {
    clearInterval(ticker);
    await Promise.all([nemesis?.stop(), ...processes.map((process) => process.end())]);
  }
  const done = performance.now();
  const { history, freeReads, troubles } = work;
  const verdict = check(history);
  return {
    seed,
    verdict,
    seconds: (done - begun) / 1_000,
    checkSeconds: (performance.now() - done) / 1_000,
    freeReads,
    troubles,
    nemesis: nemesis?.deeds ?? {},
    stats,
    history,
  };
}

/** Makes the tables anew. */
export async function setUp(cluster: Cluster): Promise<void> {
  const client = new Client({ connectionString: cluster.writer.url });
  await client.connect();
  await client.query(`drop table if exists registers, lists; ${schema}`);
  await client.end();
  await cluster.waitForReplay();
}

/** Some know the readers one by one, and some the endpoint that leads to another one each time. */
function openProcesses(cluster: Cluster, options: RunOptions): PoolProcess[] {
  const { processes = 3, threads = true, oneServer = false, sabotage } = options;
  const clock = new Clock();
  const open = threads ? openThread : openHere;
  return Array.from({ length: processes }, (_, process) => {
    // The readers themselves without a relay between, which takes its share of a small machine.
    const listed = options.readers ?? cluster.readers.map(({ direct }) => direct.url);
    const byEndpoint = process % 3 === 0 && options.readers === undefined;
    const readers = oneServer ? [] : byEndpoint ? cluster.reader.url : listed;
    const request: PoolRequest = { writer: cluster.writer.url, readers, sabotage };
    return open(request, process, clock);
  });
}

/** The share of the reads that were free to go to a reader and did. */
export function readerShare({ freeReads }: RunResult): number {
  const all = Object.values(freeReads).reduce((sum, count) => sum + count, 0);
  return 1 - (freeReads["writer"] ?? 0) / all;
}
