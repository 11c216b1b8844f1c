import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { schema } from "../chaos/callers.ts";
import type { Ledger } from "../chaos/ledger.ts";
import { asWriter, rowsThere } from "../chaos/past-the-library.ts";
import { startTraffic } from "../chaos/traffic.ts";
import { untruths } from "../chaos/untruths.ts";
import { heldResources, type Resources } from "../support/resources.ts";

/** What a process holds at a moment, and what its pool has done. */
export interface Sample extends Resources {
  readonly seconds: number;
  readonly answers: number;
  readonly errors: number;
  readonly rss: number;
}

export interface Soak {
  readonly problems: readonly string[];
  /** By how many bytes the heap grows with each answer; `undefined` after too few samples. */
  readonly heapPerAnswer: number | undefined;
}

const sampleMillis = 30_000;
/** Less than any object takes: a leak of one for each answer shows. */
const bytesPerAnswer = 24;
/** Samples before all is there that is made once. */
const warmUp = 2;
const fewestSamples = 6;
/** Rounds from one switchover to the next. */
const switchoverRounds = 6;

/**
 * Keeps a pool under load, with a fault now and then.
 *
 * @param millis - how long
 * @param progress - hears of each sample
 */
export async function runSoak(millis: number, progress: (sample: Sample) => void): Promise<Soak> {
  const settings = { synchronous_standby_names: "ANY 1 (*)" };
  const cluster = await startCluster({ readers: 2, settings });
  try {
    await asWriter(cluster, (client) => client.query(schema));
    await cluster.waitForReplay();
    const before = heldResources();
    const pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url, max: 8 });
    pool.on("error", () => {});
    const soak = await loadOn(cluster, pool, millis, progress);
    await pool.end();
    return { ...soak, problems: [...soak.problems, ...(await leftOver(before))] };
  } finally {
    await cluster.stop();
  }
}

async function loadOn(
  cluster: Cluster,
  pool: Pool,
  millis: number,
  progress: (sample: Sample) => void,
): Promise<Soak> {
  const start = performance.now();
  const traffic = startTraffic(pool, 10);
  const { ledger } = traffic;
  const [samples, problems]: [Sample[], string[]] = [[], []];
  let errors = 0;
  for (let round = 1; performance.now() - start < millis; round += 1) {
    await delay(sampleMillis);
    await disturb(cluster, round);
    errors += await examine(cluster, ledger, problems);
    const seconds = Math.round((performance.now() - start) / 1000);
    const { rss } = process.memoryUsage();
    const sample = { ...heldResources(), rss, seconds, errors, answers: ledger.answers };
    samples.push(sample);
    progress(sample);
  }
  const stuck = await traffic.stop(20_000);
  problems.push(...stuck.map((caller) => `a caller is stuck: ${caller}`));
  return judge(samples.slice(warmUp), problems);
}

/**
 * Compares what callers were told since the last time with what is there, and forgets it: what is
 * kept for that must not be counted as memory of the library.
 *
 * @returns how many were told that something has failed
 */
async function examine(cluster: Cluster, ledger: Ledger, problems: string[]): Promise<number> {
  const told = ledger.told.splice(0);
  const first = Math.min(...told.flatMap(({ ids }) => ids));
  problems.push(...untruths({ told }, await rowsThere(cluster, first - 1)));
  problems.push(...ledger.wrong.splice(0), ...ledger.failedReads.splice(0));
  return told.filter(({ as }) => as !== "written").length + ledger.brokenOff.splice(0).length;
}

/** Nothing that costs a caller more than waiting. */
async function disturb(cluster: Cluster, round: number): Promise<void> {
  if (round % switchoverRounds === 0) {
    await cluster.demote();
    return;
  }
  const [one, other] = cluster.readers;
  (round % 2 === 0 ? one : other)?.reset();
}

/** Compares the first third with the last one. */
function judge(samples: readonly Sample[], problems: readonly string[]): Soak {
  if (samples.length < fewestSamples) return { problems, heapPerAnswer: undefined };
  const third = Math.floor(samples.length / 3);
  const [early, late] = [samples.slice(0, third), samples.slice(-third)];
  const mean = (some: readonly Sample[], what: "heap" | "answers"): number =>
    some.reduce((sum, sample) => sum + sample[what], 0) / some.length;
  const heapPerAnswer =
    (mean(late, "heap") - mean(early, "heap")) / (mean(late, "answers") - mean(early, "answers"));
  const growing = (["sockets", "timers"] as const)
    .filter(
      (kind) =>
        Math.min(...late.map((sample) => sample[kind])) >
        Math.max(...early.map((sample) => sample[kind])),
    )
    .map((kind) => `there are ever more ${kind}`);
  const grown = heapPerAnswer > bytesPerAnswer ? ["the heap grows"] : [];
  return { problems: [...problems, ...growing, ...grown], heapPerAnswer };
}

/** What the pool has left behind. */
async function leftOver(before: Resources): Promise<string[]> {
  // A connection that was closed takes a moment to be gone.
  await delay(2000);
  const after = heldResources();
  return (["sockets", "timers"] as const)
    .filter((kind) => after[kind] > before[kind])
    .map((kind) => `${after[kind]} ${kind} are left, ${before[kind]} before the pool`);
}

export function formatSample(sample: Sample): string {
  const { seconds, answers, errors, rss, heap, sockets, timers } = sample;
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${String(seconds).padStart(5)} s: ${answers} answers, ${errors} errors; RSS ${mebibytes(rss)}, heap ${mebibytes(heap)}, ${sockets} sockets, ${timers} timers`;
}
