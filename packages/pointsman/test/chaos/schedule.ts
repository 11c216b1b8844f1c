import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { nextId } from "./callers.ts";
import { type Fault, type FaultName, planFaults, strike } from "./faults.ts";
import { rowsThere } from "./past-the-library.ts";
import { inTime, startTraffic } from "./traffic.ts";
import { canBeKnown, ignorance, untruths } from "./untruths.ts";
import { Witness } from "./witness.ts";

/** What has come of one schedule. */
export interface Schedule {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly done: readonly FaultName[];
  /** Faults that the cluster could not be brought to, and why. */
  readonly notDone: readonly string[];
  /** What must never happen, in words; empty: nothing of it has. */
  readonly violations: readonly string[];
  readonly answers: number;
  /** Answers that came from servers which were readers all the time. */
  readonly onReaders: number;
  readonly brokenOff: number;
  readonly unknown: number;
  /** Unknown ones of which `outcome()` had to know what became of them. */
  readonly outcomes: number;
  /** The numbers of the rows lie between these, and so many of them are there. */
  readonly rows: { readonly after: number; readonly before: number; readonly count: number };
  readonly millis: number;
  /** Its pool, which has ended: nothing may hold it any more. */
  readonly pool: WeakRef<Pool>;
}

/** How long traffic may take to flow again once everything works. */
const recoveryMillis = 20_000;

/** Lets the faults of a seed happen under load, and compares with what callers were told. */
export async function runSchedule(cluster: Cluster, seed: number): Promise<Schedule> {
  const start = performance.now();
  const faults = planFaults(seed);
  const witness = new Witness(cluster);
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    max: 8,
    // Servers start slowly on a busy machine.
    failoverTimeout: "60s",
  });
  pool.on("error", () => {});
  const violations: string[] = [];
  const [done, notDone]: [FaultName[], string[]] = [[], []];
  const after = nextId();
  const traffic = startTraffic(pool);
  const { ledger } = traffic;
  const must = async (what: string, act: () => Promise<boolean>): Promise<void> => {
    const passed = await act().catch((error: Error) => {
      violations.push(`${what}: ${error.message}`);
      return true;
    });
    if (!passed) violations.push(what);
  };

  await must("nothing flows", () => traffic.flows(5, recoveryMillis));
  for (const fault of faults) {
    await delay(fault.after);
    // Not every fault can be added to every other one. That is the cluster's, and no violation.
    await strike(cluster, fault).then(
      () => done.push(fault.name),
      (error: Error) => notDone.push(`${fault.name}: ${error.message}`),
    );
    witness.look();
  }
  await must("heal", () => cluster.heal().then(() => true));
  await must("nothing flows though everything works", () => traffic.flows(20, recoveryMillis));
  const stuck = await traffic.stop(recoveryMillis);
  violations.push(...stuck.map((caller) => `a caller is stuck: ${caller}`));
  const there = await rowsThere(cluster, after);
  violations.push(...untruths(ledger, there), ...ledger.wrong, ...witness.violations());
  const outcomes = witness.sameWriter ? ledger.told.filter(canBeKnown).length : 0;
  if (outcomes > 0) violations.push(...(await ignorance(pool, ledger, there)));
  violations.push(...ledger.failedReads.map((error) => `a read failed: ${error}`));
  await must("the pool does not end", () => inTime(pool.end(), 5000));
  return {
    seed,
    faults,
    done,
    notDone,
    violations,
    answers: ledger.answers,
    onReaders: witness.readers.reduce((sum, name) => sum + (ledger.readsBy.get(name) ?? 0), 0),
    brokenOff: ledger.brokenOff.length,
    unknown: ledger.told.filter(({ as }) => as === "unknown").length,
    outcomes,
    rows: { after, before: nextId(), count: there.size },
    millis: performance.now() - start,
    pool: new WeakRef(pool),
  };
}

/** A schedule in one line, and what it has broken. */
export function formatSchedule(schedule: Schedule): string {
  const { seed, faults, violations, notDone, answers, unknown, brokenOff, millis } = schedule;
  const names = faults.map(({ name }) => name).join("; ");
  const head = `${violations.length === 0 ? "ok " : "BAD"} seed ${seed}: ${answers} answers, ${unknown} unknown, ${brokenOff} broken off, ${Math.round(millis)} ms; ${names}`;
  const lines = [...violations.slice(0, 10), ...notDone.map((what) => `not done: ${what}`)];
  return [head, ...lines.map((line) => `      ${line}`)].join("\n");
}
