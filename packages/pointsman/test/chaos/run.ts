import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { heldResources, type Resources } from "../support/resources.ts";
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
  /** Bytes that the heap has grown for each answer, or `undefined` of too few. */
  readonly heapPerAnswer: number | undefined;
}

/**
 * Schedules run in so many clusters side by side: two keep two processors busy while one waits for
 * a server to start.
 */
const clusterCount = 2;
/** Schedules after which all that is made once is there. */
const warmUp = 20;
/** From so many on, what the heap has grown is told from what it happens to be. */
const enoughToJudgeHeap = 100;
/** An answer takes two statements or three: a leak of one object for each of them shows. */
const bytesPerAnswer = 80;

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
  const before = heldResources();
  await run(seeds.slice(0, warmUp));
  const warm = heldResources();
  await run(seeds.slice(warmUp));
  const after = await settled(before);
  const schedules = started.flatMap((one) => one.schedules);
  const late = await Promise.all(started.map((one) => lateRows(one.cluster, one.schedules)));
  const judged = new Set(seeds.slice(warmUp));
  const answers = schedules
    .filter(({ seed }) => judged.has(seed))
    .reduce((sum, schedule) => sum + schedule.answers, 0);
  const heapPerAnswer =
    judged.size < enoughToJudgeHeap ? undefined : (after.heap - warm.heap) / answers;
  return {
    schedules,
    done: countFaults(schedules),
    leftovers: [...late.flat(), ...heldMore(before, after), ...grown(heapPerAnswer)],
    heapPerAnswer,
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

/** Waits until connections that end have ended. */
async function settled(before: Resources): Promise<Resources> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const now = heldResources();
    if (heldMore(before, now).length === 0 || performance.now() > deadline) return now;
    await delay(100);
  }
}

function heldMore(before: Resources, after: Resources): string[] {
  return (["sockets", "timers"] as const)
    .filter((kind) => after[kind] > before[kind])
    .map((kind) => `${after[kind]} ${kind} are held, ${before[kind]} before the first pool`);
}

function grown(heapPerAnswer = 0): string[] {
  if (heapPerAnswer < bytesPerAnswer) return [];
  return [`the heap has grown by ${Math.round(heapPerAnswer)} bytes for each answer`];
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
