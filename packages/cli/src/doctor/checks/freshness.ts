import { setTimeout as after } from "node:timers/promises";
import { bad, type Finding, look, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";
import {
  type Positions,
  type Progress,
  positionInWal,
  progressInIds,
  progressInWal,
  proves,
  timelineForIds,
  type Wanted,
} from "./positions.ts";
import { systemIdentifier } from "./same-cluster.ts";

/** What came of the attempt to prove that a reader has seen a write. */
export type Proof =
  | { readonly outcome: "no positions" }
  | { readonly outcome: "proved"; readonly by: Positions; readonly afterMillis: number }
  /** The reader claims to have seen what was not there yet. */
  | { readonly outcome: "false"; readonly by: Positions }
  | {
      readonly outcome: "another timeline";
      readonly by: Positions;
      readonly reader: number;
      readonly writer: number;
    }
  | { readonly outcome: "not in time"; readonly by: Positions; readonly waitedMillis: number };

/** Between two questions to the reader, in milliseconds. */
const pauseMillis = 20;

/** Until when the reader may be asked. */
interface Patience {
  readonly millis: number;
  readonly signal: AbortSignal;
}

/**
 * Whether a reader can prove that it has seen a write. It is asked as the library asks, for a
 * position in the WAL, or for a transaction where functions of the WAL are refused.
 */
export async function checkFreshness(
  reader: Visit,
  signal: AbortSignal,
  timeoutMillis: number,
): Promise<Finding> {
  if (reader.isStandby !== true) return skipped("this is no reader");
  const { writer } = reader;
  if (writer?.client === undefined) {
    return skipped("not tried, since there was no login to the writer");
  }
  if (writer.isStandby !== false) {
    return skipped("not tried, since the writer's endpoint leads to no writer");
  }
  const [ofWriter, ofReader] = [await systemIdentifier(writer), await systemIdentifier(reader)];
  if (ofWriter !== undefined && ofReader !== undefined && ofWriter !== ofReader) {
    return skipped("not tried, since writer and reader are of different clusters");
  }
  // Half of the time: the rest is for what else is asked, and for answers that take long.
  const patience = { millis: timeoutMillis / 2, signal };
  const proof =
    (await tryWal(writer, reader, patience)) ?? (await tryIds(writer, reader, patience));
  return judgeFreshness(proof);
}

/** `undefined` where there are no positions in the WAL on both sides. */
async function tryWal(
  writer: Visit,
  reader: Visit,
  patience: Patience,
): Promise<Proof | undefined> {
  const wanted = await positionInWal(writer);
  if (wanted === undefined) return undefined;
  const start = performance.now();
  const first = await progressInWal(reader, wanted);
  if (first === undefined) return undefined;
  const again = async () => (await progressInWal(reader, wanted)) ?? first;
  return askUntilProved("WAL positions", wanted, first, again, { ...patience, start });
}

/**
 * Two transactions that change nothing, but are given ids to be known by. The reader must have seen
 * the second one, which is committed, and say no to the first, which is still running: before it
 * has seen the second it would say no to anything.
 */
async function tryIds(writer: Visit, reader: Visit, patience: Patience): Promise<Proof> {
  const timeline = await timelineForIds(writer);
  if (timeline === undefined || (await timelineForIds(reader)) === undefined) {
    return { outcome: "no positions" };
  }
  const by = "transaction ids";
  const half = { ...patience, millis: patience.millis / 2 };
  const other: Visit = { ...writer, client: await writer.endpoint.connect() };
  let running: Wanted;
  await ask(writer, "begin");
  try {
    running = { at: await takeId(writer), timeline };
    const committed = { at: await takeId(other), timeline };
    const proof = await askForIds(by, committed, reader, half);
    if (proof.outcome !== "proved") return proof;
    if ((await progressInIds(reader, running)).seen) return { outcome: "false", by };
  } finally {
    await ask(writer, "commit");
    await other.client?.end();
  }
  return askForIds(by, running, reader, half);
}

async function takeId(writer: Visit): Promise<string> {
  const question = "select pg_catalog.pg_current_xact_id()::text as at";
  return (await ask<{ at: string }>(writer, question)).at;
}

async function askForIds(
  by: Positions,
  wanted: Wanted,
  reader: Visit,
  patience: Patience,
): Promise<Proof> {
  const start = performance.now();
  const again = () => progressInIds(reader, wanted);
  return askUntilProved(by, wanted, await again(), again, { ...patience, start });
}

async function askUntilProved(
  by: Positions,
  wanted: Wanted,
  first: Progress,
  again: () => Promise<Progress>,
  { start, millis, signal }: Patience & { readonly start: number },
): Promise<Proof> {
  let last = first;
  while (!proves(last, wanted)) {
    if (performance.now() - start >= millis) {
      return last.seen
        ? { outcome: "another timeline", by, reader: last.timeline, writer: wanted.timeline }
        : { outcome: "not in time", by, waitedMillis: millis };
    }
    await after(pauseMillis, undefined, { signal });
    last = await again();
  }
  return { outcome: "proved", by, afterMillis: performance.now() - start };
}

const byTime = 'freshness: { positions: "time-window" }';

export function judgeFreshness(proof: Proof): Finding {
  switch (proof.outcome) {
    case "proved":
      return ok(`${proof.by}: proved after ${Math.round(proof.afterMillis)} ms`);
    case "false":
      return bad(
        `${proof.by}: the reader says yes to a transaction that is still running`,
        `If it follows this writer (see same cluster), what it says proves nothing, and reads may miss what was written before them: give the pool ${byTime}, and please report it.`,
      );
    case "another timeline":
      return look(
        `${proof.by}: the reader has it, but is shown to be on timeline ${proof.reader}, and the writer on ${proof.writer}`,
        "After a failover, reads that must see a write go to the writer until the reader is shown to follow the new one: at its next checkpoint, or by WAL positions at once, where the user may read pg_stat_wal_receiver (GRANT pg_read_all_stats). Was it left with the old writer?",
      );
    case "not in time":
      return look(
        `${proof.by}: not proved within ${proof.waitedMillis / 1000} s`,
        proof.by === "WAL positions"
          ? "Is replay paused, or far behind (see lag)? Until it has caught up, reads that must see a write go to the writer."
          : `Is replay paused, or far behind (see lag)? Reads that must see a write go to the writer then. If it is not, the proof does not work on this server: give the pool ${byTime}.`,
      );
    case "no positions":
      return look(
        "neither WAL positions nor transaction ids: the servers refuse to tell them",
        "After a write, reads go to the writer for a time (freshness.window).",
      );
  }
}
