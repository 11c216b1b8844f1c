import { setTimeout as after } from "node:timers/promises";
import { bad, type Finding, look, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";
import {
  hasSeen,
  knowsTransactionIds,
  type Positions,
  positionOf,
  progressOf,
  type WalPosition,
  type WalProgress,
} from "./positions.ts";
import { systemIdentifier } from "./same-cluster.ts";

/** What came of the attempt to prove that a reader has seen a write. */
export type Proof =
  | { readonly outcome: "no positions" }
  | { readonly outcome: "proved"; readonly by: Positions; readonly afterMillis: number }
  /** The reader claims to have seen what was not there yet. */
  | { readonly outcome: "false"; readonly by: Positions }
  | { readonly outcome: "another timeline"; readonly reader: number; readonly writer: number }
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
  const wanted = await positionOf(writer);
  if (wanted === undefined) return undefined;
  const by = "WAL positions";
  const start = performance.now();
  let last = await progressOf(reader, wanted);
  if (last === undefined) return undefined;
  const proved = await until(patience, async () => {
    last = await progressOf(reader, wanted);
    return last !== undefined && covers(last, wanted);
  });
  if (proved) return { outcome: "proved", by, afterMillis: performance.now() - start };
  if (last?.replayed === true) {
    return {
      outcome: "another timeline",
      reader: last.timeline ?? 0,
      writer: wanted.timeline,
    };
  }
  return { outcome: "not in time", by, waitedMillis: patience.millis };
}

function covers({ replayed, timeline }: WalProgress, wanted: WalPosition): boolean {
  return replayed && timeline === wanted.timeline;
}

/** A transaction that changes nothing, but is given an id to be known by. */
async function tryIds(writer: Visit, reader: Visit, patience: Patience): Promise<Proof> {
  if (!(await knowsTransactionIds(writer)) || !(await knowsTransactionIds(reader))) {
    return { outcome: "no positions" };
  }
  const by = "transaction ids";
  let id: string;
  await ask(writer, "begin");
  try {
    const row = await ask<{ id: string }>(
      writer,
      "select pg_catalog.pg_current_xact_id()::text as id",
    );
    id = row.id;
    if (await says(reader, id)) return { outcome: "false", by };
  } finally {
    await ask(writer, "commit");
  }
  const start = performance.now();
  const proved = await until(patience, () => says(reader, id));
  return proved
    ? { outcome: "proved", by, afterMillis: performance.now() - start }
    : { outcome: "not in time", by, waitedMillis: patience.millis };
}

async function says(reader: Visit, id: string): Promise<boolean> {
  const { seen } = await ask<{ seen: boolean }>(reader, `select ${hasSeen(id)} as seen`);
  return seen;
}

/** @returns whether it came about in time */
async function until(
  { millis, signal }: Patience,
  condition: () => Promise<boolean>,
): Promise<boolean> {
  const end = performance.now() + millis;
  while (!(await condition())) {
    if (performance.now() >= end) return false;
    await after(pauseMillis, undefined, { signal });
  }
  return true;
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
        `WAL positions: replayed, but on timeline ${proof.reader}, and the writer is on ${proof.writer}`,
        "After a failover, a reader serves nothing that must be fresh until it is shown to follow the new writer. That takes a checkpoint where the user may not read pg_stat_wal_receiver (GRANT pg_read_all_stats). Was it left behind, with the old writer?",
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
