import type { Row } from "../servers/question.ts";
import { endOfLastRecord, parseLsn } from "./lsn.ts";
import type { Position } from "./position.ts";
import type { ServerState } from "./server-state.ts";

/** What a server answers about itself. */
export interface Answer {
  /** Where it stands; `undefined`: it cannot tell. */
  readonly position: Position | undefined;
  readonly replays: boolean;
}

const timelineOfStandby = `greatest(
  (select timeline_id from pg_catalog.pg_control_checkpoint()),
  (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()),
  (select received_tli from pg_catalog.pg_stat_wal_receiver))`;

const timelineOfWriter =
  "('x' || substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int";

/** What the control file says lags behind a promotion, but may be asked where WAL functions fail. */
const timelineOfControlFile = `greatest(
  (select timeline_id from pg_catalog.pg_control_checkpoint()),
  (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()), 0)`;

/**
 * Asks a server of either role for its position in the WAL, and for its timeline. On a standby that
 * is the newest that it is shown to follow: what the control file says lags behind, on the safe side.
 */
export const walQuestion = `select r,
 case when r then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end,
 case when r then ${timelineOfStandby} else ${timelineOfWriter} end
from (select pg_catalog.pg_is_in_recovery() as r offset 0) s`;

/** The same of a standby whose timeline is known. */
const replayQuestion = "select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_last_wal_replay_lsn()";

/** The same of a writer. What has become a standby refuses it. */
const insertQuestion =
  "select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_current_wal_insert_lsn()";

/**
 * A transaction id of its own behind a write: who has seen it committed has seen all that was
 * committed before it was given out, whatever ids that had. So these positions are ordered, which
 * the ids of the writes themselves are not.
 */
const xidQuestion = "select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_current_xact_id()::text";

/** Tells whether a server understands transaction ids as positions, and its timeline. */
export const xidProbe = `select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text, ${timelineOfControlFile}`;

/** The id of the open transaction, if it has one: it gets one with what it writes. */
export const transactionIdQuestion = "select pg_catalog.pg_current_xact_id_if_assigned()::text";

/** What has become of a transaction, where the server knows the id. */
export function outcomeQuestion(id: string): string {
  return `select case when '${id}'::xid8 < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) then pg_catalog.pg_xact_status('${id}'::xid8) end`;
}

/**
 * The question that a writer is asked behind a write. A server that writes keeps its timeline for as
 * long as it runs, so that it is asked for it once: the whole question costs the server 100 us more.
 *
 * @param isPooled - the next answer may be another server's
 */
export function writerQuestion(server: ServerState, isPooled: boolean): string | undefined {
  if (server.maker === "xid") return xidQuestion;
  if (server.maker === undefined) return undefined;
  const isKnown = !(isPooled || server.replays || server.timelineIsOld) && server.timeline > 0;
  return isKnown ? insertQuestion : walQuestion;
}

/**
 * The question whether a server has come to a position. `pg_visible_in_snapshot()` is no proof: a
 * standby says yes to transactions that are still running.
 */
export function proofQuestion(server: ServerState, wanted: Position): string {
  if (wanted.maker === "wal") {
    const plain = server.replays && server.timeline === wanted.timeline;
    return plain ? replayQuestion : walQuestion;
  }
  const id = `'${wanted.at}'::xid8`;
  const isKnown = server.timeline === wanted.timeline && !server.timelineIsOld;
  const timeline = isKnown ? "" : `, ${timelineOfControlFile}`;
  return `select pg_catalog.pg_is_in_recovery(), case when ${id} < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) then pg_catalog.pg_xact_status(${id}) = 'committed' else false end${timeline}`;
}

/** The question how far a server has come, behind a read of it. */
export function boundQuestion(server: ServerState): string | undefined {
  if (server.maker !== "wal") return undefined;
  return server.replays ? replayQuestion : walQuestion;
}

/**
 * Reads an answer to any of these questions, and notes what it says of the server.
 *
 * @param asked - what a proof was asked for
 */
export function readAnswer(
  server: ServerState,
  system: string,
  row: Row | undefined,
  asked?: Position,
): Answer | undefined {
  if (row === undefined) return undefined;
  const [recovery, value, timeline] = row;
  const replays = recovery === "t";
  if (timeline !== undefined && timeline !== null) noteTimeline(server, Number(timeline));
  if (replays !== server.replays) {
    // It was promoted. What it has replayed says nothing of what it writes.
    server.forget();
    server.replays = replays;
    if (timeline === undefined) {
      server.timelineIsOld = true;
      return { position: undefined, replays };
    }
  }
  const at =
    asked?.maker === "xid"
      ? value === "t"
        ? asked.at
        : undefined
      : server.maker === "xid"
        ? Number(value)
        : walPosition(server, value);
  if (at === undefined || !Number.isSafeInteger(at)) return { position: undefined, replays };
  const maker = asked?.maker ?? server.maker ?? "wal";
  return { position: { maker, system, timeline: server.timeline, at }, replays };
}

function walPosition(server: ServerState, value: string | null | undefined): number | undefined {
  const at = parseLsn(value);
  if (at === undefined || server.replays) return at;
  return endOfLastRecord(at, server.segmentBytes);
}

/** A server never goes back to an older timeline; what it can tell of a newer one may come and go. */
function noteTimeline(server: ServerState, timeline: number): void {
  if (timeline <= server.timeline) return;
  server.timelineIsOld = false;
  server.forget();
  server.timeline = timeline;
}
