import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { growth, type HeldObjects, heldObjects } from "../support/held-objects.ts";
import { moreSockets, type OpenSockets, openSockets } from "../support/open-sockets.ts";
import { heldResources } from "../support/resources.ts";
import { schema } from "./callers.ts";
import { type FaultName, faultNames } from "./faults.ts";
import { asWriter } from "./past-the-library.ts";
import { runSchedule, type Schedule } from "./schedule.ts";

/** What has come of many schedules. */
export interface ChaosRun {
  readonly schedules: readonly Schedule[];
  /** How often each fault was done. */
  readonly done: Readonly<Record<FaultName, number>>;
  /** What is not as it must be once all schedules are over: memory, sockets, timers, late rows. */
  readonly leftovers: readonly string[];
  /** How the heap has grown; `undefined`: of too few answers nothing can be said. */
  readonly heap: HeapGrowth | undefined;
}

/** By what the answers of a part of a run have made the heap grow. */
interface HeapGrowth {
  readonly perAnswer: number;
  /** The bytes, the answers and what there is more of, in words. */
  readonly words: string;
}

/** What was on the heap after so many answers. */
interface HeapSample {
  readonly answers: number;
  readonly objects: HeldObjects;
}

/**
 * Schedules run in so many clusters side by side: two keep two processors busy while one waits for
 * a server to start.
 */
const clusterCount = 2;
/** Schedules after which all that is made once is there. */
const warmUp = 20;
/**
 * Each of these parts of the rest of a run is judged: a leak makes the heap grow in all of them, and
 * what is made once only in one, as the maps of sources are which the errors of a test are read by.
 */
const parts = 3;
/** From so many answers in a part on, what grows with them is told from what grows by events. */
const enoughToJudgeHeap = 1500;
/** An answer takes two statements or three: a leak of one object for each of them shows. */
const bytesPerAnswer = 60;
/** How long whatever ends may take to be gone. */
const goneMillis = 20_000;

/**
 * Lets faults happen to clusters under load, schedule by schedule, and looks at the database after
 * each whether everything is as the callers were told.
 *
 * @param seeds - one for each schedule
 * @param progress - hears of each schedule
 */
export async function runChaos(
  seeds: readonly number[],
  progress: (schedule: Schedule) => void = () => {},
): Promise<ChaosRun> {
  const count = Math.min(clusterCount, seeds.length);
  const clusters = await Promise.all(Array.from({ length: count }, startChaosCluster));
  try {
    return await runOn(clusters, seeds, progress);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
}

async function runOn(
  clusters: readonly Cluster[],
  seeds: readonly number[],
  progress: (schedule: Schedule) => void,
): Promise<ChaosRun> {
  const started = clusters.map((cluster) => ({ cluster, schedules: [] as Schedule[] }));
  const run = async (some: readonly number[]): Promise<void> => {
    const left = [...some];
    await Promise.all(
      started.map(async ({ cluster, schedules }) => {
        for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
          const schedule = await runSchedule(cluster, seed);
          schedules.push(schedule);
          progress(schedule);
        }
      }),
    );
  };
  const before = holdings(clusters);
  const schedules = (): readonly Schedule[] => started.flatMap((one) => one.schedules);
  const sample = async (): Promise<HeapSample> => ({
    answers: schedules().reduce((sum, { answers }) => sum + answers, 0),
    objects: await heldObjects(),
  });
  await run(seeds.slice(0, warmUp));
  let held = await gone(clusters, before, schedules());
  const samples = [await sample()];
  const partSize = Math.ceil((seeds.length - warmUp) / parts);
  for (let at = warmUp; at < seeds.length; at += partSize) {
    await run(seeds.slice(at, at + partSize));
    held = await gone(clusters, before, schedules());
    samples.push(await sample());
  }
  const late = await Promise.all(started.map((one) => lateRows(one.cluster, one.schedules)));
  const heap = leastGrowth(samples);
  const grown = heap !== undefined && heap.perAnswer > bytesPerAnswer ? [heap.words] : [];
  return {
    schedules: schedules(),
    done: countFaults(schedules()),
    leftovers: [...late.flat(), ...held, ...grown],
    heap,
  };
}

async function startChaosCluster(): Promise<Cluster> {
  // What is acknowledged is on a reader: PostgreSQL loses no more than this library, then.
  // A writer that is stopped in order waits for readers that are frozen, half a minute by default.
  const settings = { synchronous_standby_names: "ANY 1 (*)", wal_sender_timeout: "3s" };
  const cluster = await startCluster({ readers: 2, settings });
  await asWriter(cluster, (client) => client.query(schema));
  await cluster.waitForReplay();
  return cluster;
}

/**
 * Waits until pools and connections that have ended are gone. An ended pool is held until the turn
 * is over in which its end was heard of, and a closed socket for a while longer: with a megabyte or
 * two for each pool, that would be taken for growth.
 *
 * @returns what is still held
 */
async function gone(
  clusters: readonly Cluster[],
  before: Holdings,
  schedules: readonly Schedule[],
): Promise<string[]> {
  const deadline = performance.now() + goneMillis;
  for (;;) {
    await delay(100);
    const held = heldMore(before, holdings(clusters));
    const pools = schedules.filter(({ pool }) => pool.deref() !== undefined).length;
    if (pools > 0) held.push(`${pools} pools are held that have ended`);
    if (held.length === 0 || performance.now() > deadline) return held;
  }
}

/** What may be left of pools that have ended. */
interface Holdings {
  readonly sockets: OpenSockets;
  readonly timers: number;
}

function holdings(clusters: readonly Cluster[]): Holdings {
  const names = clusters.flatMap(({ writer, reader, servers }, index) => [
    [writer.port, `the writer endpoint of cluster ${index}`] as const,
    [reader.port, `the reader endpoint of cluster ${index}`] as const,
    ...servers.flatMap(({ name, port, direct }) => [
      [port, `the endpoint of ${name} in cluster ${index}`] as const,
      [direct.port, `${name} in cluster ${index}`] as const,
    ]),
  ]);
  return { sockets: openSockets(new Map(names)), timers: heldResources().timers };
}

function heldMore(before: Holdings, after: Holdings): string[] {
  const timers = `${after.timers} timers are held, ${before.timers} before the first pool`;
  return [
    ...moreSockets(before.sockets, after.sockets),
    ...(after.timers > before.timers ? [timers] : []),
  ];
}

/** The growth from one sample to the next where it was the least for each answer. */
function leastGrowth(samples: readonly HeapSample[]): HeapGrowth | undefined {
  const all = samples.slice(1).map((after, index) => growthBetween(samples[index] ?? after, after));
  if (all.length < parts || all.some(({ answers }) => answers < enoughToJudgeHeap))
    return undefined;
  return all.reduce((least, one) => (one.perAnswer < least.perAnswer ? one : least));
}

function growthBetween(
  before: HeapSample,
  after: HeapSample,
): HeapGrowth & { readonly answers: number } {
  const kinds = growth(before.objects, after.objects);
  const answers = after.answers - before.answers;
  const perAnswer = kinds.reduce((sum, [, { bytes }]) => sum + bytes, 0) / answers;
  const most = kinds
    .slice(0, 5)
    .map(([kind, { count, bytes }]) => `${count} of ${kind} (${bytes} bytes)`)
    .join(", ");
  const words = `the heap has grown by ${perAnswer.toFixed(1)} bytes for each of ${answers} answers; there are more: ${most}`;
  return { answers, perAnswer, words };
}

/** Rows that have come after their schedule was looked at, or are gone since. */
async function lateRows(cluster: Cluster, schedules: readonly Schedule[]): Promise<string[]> {
  const found = await asWriter(cluster, (client) =>
    client.query<{ id: number }>("select id from chaos_rows group by id"),
  );
  const ids = found.rows.map(({ id }) => id);
  return schedules.flatMap(({ seed, rows: { after, before, count } }) => {
    const now = ids.filter((id) => id > after && id < before).length;
    return now === count ? [] : [`seed ${seed}: ${count} rows were there, and ${now} are now`];
  });
}

function countFaults(schedules: readonly Schedule[]): Record<FaultName, number> {
  const all = schedules.flatMap(({ done }) => done);
  const counts = faultNames.map((name) => [name, all.filter((one) => one === name).length]);
  return Object.fromEntries(counts) as Record<FaultName, number>;
}
