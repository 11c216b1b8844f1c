import { ask, told, type Visit } from "../visit.ts";

/** What tells how far a server has come. */
export type Positions = "WAL positions" | "transaction ids";

/** Where the writer is in the WAL. */
export interface WalPosition {
  readonly lsn: string;
  readonly timeline: number;
}

/** What a reader says when it is asked for a position in the WAL. */
export interface WalProgress {
  readonly replayed: boolean;
  /** That it is shown to follow; `null`: none yet. */
  readonly timeline: number | null;
}

const timelineOfReader = `greatest(
  (select timeline_id from pg_catalog.pg_control_checkpoint()),
  (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()),
  (select received_tli from pg_catalog.pg_stat_wal_receiver))`;

/**
 * The end of the last record: behind a page that is exactly full, the insert position is named behind
 * the header of the next one (24 bytes, 40 in the first page of a segment), where no reader gets to
 * before something else is written.
 */
const endOfWal = `select (lsn - case
    when place % segment = 40 then 40
    when place % page = 24 then 24
    else 0
  end)::text as lsn, timeline
from (
  select lsn, lsn - '0/0' as place,
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as segment,
    pg_catalog.current_setting('wal_block_size')::int as page,
    ('x' || substr(pg_catalog.pg_walfile_name(lsn), 1, 8))::bit(32)::int as timeline
  from (select pg_catalog.pg_current_wal_insert_lsn() as lsn offset 0) now
) written`;

/** Where the writer is; `undefined` where it must not be asked, as on Aurora. */
export async function positionOf(writer: Visit): Promise<WalPosition | undefined> {
  return (await isAurora(writer)) ? undefined : told<WalPosition>(writer, endOfWal);
}

/** Whether a reader has come there; `undefined` where it must not be asked, as on Aurora. */
export async function progressOf(
  reader: Visit,
  { lsn }: WalPosition,
): Promise<WalProgress | undefined> {
  const progress = await told<WalProgress | { readonly replayed: null }>(
    reader,
    `select pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_lsn as replayed, ${timelineOfReader} as timeline`,
    [lsn],
  );
  return progress === undefined || progress.replayed === null ? undefined : progress;
}

/** The library does not ask Aurora for positions in the WAL, also where one of its servers has some. */
async function isAurora(visit: Visit): Promise<boolean> {
  const { aurora } = await ask<{ aurora: boolean | null }>(
    visit,
    "select current_setting('rds.extensions', true) like '%aurora_stat_utils%' as aurora",
  );
  return aurora === true;
}

/** Whether a server understands transaction ids as positions. */
export async function knowsTransactionIds(visit: Visit): Promise<boolean> {
  const answer = await told(
    visit,
    "select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text",
  );
  return answer !== undefined;
}

/** SQL by which a server says whether it has seen a transaction committed, as the library asks it. */
export function hasSeen(transactionId: string): string {
  const id = `'${transactionId}'::xid8`;
  return `case when ${id} < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) then pg_catalog.pg_xact_status(${id}) = 'committed' else false end`;
}
