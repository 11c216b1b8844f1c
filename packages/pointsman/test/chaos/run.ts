import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { growth, type HeldObjects, heldObjects } from "../support/held-objects.ts";
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
  /** Bytes by which what is on the heap has grown for each answer, or `undefined` of too few. */
  readonly heapPerAnswer: number | undefined;
}

/**
 * Schedules run in so many clusters side by side: two keep two processors busy while one waits for
 * a server to start.
 */
const clusterCount = 2;
/** Schedules after which all that is made once is there. */
const warmUp = 20;
/** From so many answers on, what grows with them is told from what grows by the run of events. */
const enoughToJudgeHeap = 5000;
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
  const before = heldResources();
  const schedules = (): readonly Schedule[] => started.flatMap((one) => one.schedules);
  await run(seeds.slice(0, warmUp));
  await gone(before, schedules());
  const warm = { objects: await heldObjects(), answers: answersOf(schedules()) };
  await run(seeds.slice(warmUp));
  const held = await gone(before, schedules());
  const late = await Promise.all(started.map((one) => lateRows(one.cluster, one.schedules)));
  const answers = answersOf(schedules()) - warm.answers;
  const heap =
    answers < enoughToJudgeHeap
      ? undefined
      : heapPerAnswer(warm.objects, await heldObjects(), answers);
  return {
    schedules: schedules(),
    done: countFaults(schedules()),
    leftovers: [...late.flat(), ...held, ...(heap?.problems ?? [])],
    heapPerAnswer: heap?.bytes,
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
async function gone(before: Resources, schedules: readonly Schedule[]): Promise<string[]> {
  const deadline = performance.now() + goneMillis;
  for (;;) {
    await delay(100);
    const now = heldResources();
    const pools = schedules.filter(({ pool }) => pool.deref() !== undefined).length;
    const held = heldMore(before, now);
    if (pools > 0) held.push(`${pools} pools are held that have ended`);
    if (held.length === 0 || performance.now() > deadline) return held;
  }
}

function heldMore(before: Resources, after: Resources): string[] {
  return (["sockets", "timers"] as const)
    .filter((kind) => after[kind] > before[kind])
    .map((kind) => `${after[kind]} ${kind} are held, ${before[kind]} before the first pool`);
}

function answersOf(schedules: readonly Schedule[]): number {
  return schedules.reduce((sum, { answers }) => sum + answers, 0);
}

/** By how many bytes each answer has made what is held grow, and what has, where that is too much. */
function heapPerAnswer(
  before: HeldObjects,
  after: HeldObjects,
  answers: number,
): { readonly bytes: number; readonly problems: readonly string[] } {
  const kinds = growth(before, after);
  const bytes = kinds.reduce((sum, [, more]) => sum + more.bytes, 0) / answers;
  if (bytes < bytesPerAnswer) return { bytes, problems: [] };
  const most = kinds
    .slice(0, 5)
    .map(([kind, more]) => `${more.count} of ${kind} (${more.bytes} bytes)`)
    .join(", ");
  const problem = `the heap has grown by ${Math.round(bytes)} bytes for each of ${answers} answers; there are more: ${most}`;
  return { bytes, problems: [problem] };
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
