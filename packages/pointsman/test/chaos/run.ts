import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { createPool } from "pointsman";
import { Random } from "../consistency/random.ts";
import { type Fault, planFaults, strike } from "./faults.ts";
import { lies, schema, startTraffic, type Traffic } from "./traffic.ts";

/** What has come of one schedule. */
export interface Schedule {
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** What must never happen, in words; empty: nothing of it has. */
  readonly violations: readonly string[];
  /** Faults that the cluster could not be brought to, and why. */
  readonly notDone: readonly string[];
  readonly answers: number;
  readonly unknown: number;
}

/** How long traffic may take to flow again once everything works. */
const recoveryMillis = 20_000;

/**
 * Lets faults happen to a cluster under load, schedule by schedule, and looks at the database after
 * each whether everything is as the callers were told.
 *
 * @param seeds - one for each schedule
 * @param progress - hears of each schedule
 */
export async function runChaos(
  seeds: readonly number[],
  progress: (schedule: Schedule) => void = () => {},
): Promise<readonly Schedule[]> {
  // What is acknowledged is on a reader: PostgreSQL loses no more than this library, then.
  const settings = { synchronous_standby_names: "ANY 1 (*)" };
  await using cluster = await startCluster({ readers: 2, settings });
  await asWriter(cluster, (client) => client.query(schema));
  const schedules: Schedule[] = [];
  for (const seed of seeds) {
    const schedule = await runSchedule(cluster, seed);
    schedules.push(schedule);
    progress(schedule);
  }
  return schedules;
}

async function runSchedule(cluster: Cluster, seed: number): Promise<Schedule> {
  const faults = planFaults(new Random(seed));
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    max: 8,
    // A writer that is restarted in order waits for readers that are frozen: half a minute.
    failoverTimeout: "60s",
  });
  pool.on("error", () => {});
  const violations: string[] = [];
  const traffic = startTraffic(pool);
  const notDone: string[] = [];
  const attempt = async (
    what: string,
    act: () => Promise<void>,
    problems = violations,
  ): Promise<void> => {
    await act().catch((error) => problems.push(`${what}: ${(error as Error).message}`));
  };
  for (const fault of faults) {
    await delay(fault.after);
    // Not every fault can be added to every other one. That is the cluster's, and no violation.
    await attempt(fault.name, () => strike(cluster, fault), notDone);
  }
  await attempt("heal", () => cluster.heal());
  await attempt("recovery", () => flows(traffic));
  const stopped = await Promise.race([
    traffic.stop().then(() => true),
    delay(recoveryMillis, false),
  ]);
  if (!stopped) violations.push("callers are stuck");
  const there = await rowsThere(cluster);
  violations.push(...lies(traffic, there), ...traffic.stale.map((what) => `stale: ${what}`));
  violations.push(...traffic.failedReads.map((error) => `a read failed: ${error.message}`));
  const ended = await Promise.race([pool.end().then(() => true), delay(5000, false)]);
  if (!ended) violations.push("the pool does not end");
  return {
    seed,
    faults,
    violations,
    notDone,
    answers: traffic.answers,
    unknown: traffic.told.filter(({ as }) => as === "unknown").length,
  };
}

/** Waits until writes and reads are answered again. */
async function flows(traffic: Traffic): Promise<void> {
  const [written, reads] = [writtenOf(traffic), traffic.reads];
  const deadline = performance.now() + recoveryMillis;
  while (writtenOf(traffic) < written + 20 || traffic.reads < reads + 20) {
    if (performance.now() > deadline) throw new Error("Nothing flows though everything works.");
    await delay(10);
  }
}

function writtenOf({ told }: Traffic): number {
  return told.filter(({ as }) => as === "written").length;
}

async function rowsThere(cluster: Cluster): Promise<ReadonlySet<number>> {
  const { rows } = await asWriter(cluster, (client) =>
    client.query<{ id: number }>("select id from chaos_rows"),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Past the library. */
async function asWriter<T>(cluster: Cluster, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: cluster.writer.url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

/** A schedule in one line, and what it has broken. */
export function formatSchedule(schedule: Schedule): string {
  const { seed, faults, violations, notDone, answers, unknown } = schedule;
  const names = faults.map(({ name }) => name).join("; ");
  const head = `${violations.length === 0 ? "ok " : "BAD"} seed ${seed}: ${answers} answers, ${unknown} unknown; ${names}`;
  const lines = [...violations.slice(0, 10), ...notDone.map((what) => `not done: ${what}`)];
  return [head, ...lines.map((line) => `      ${line}`)].join("\n");
}
