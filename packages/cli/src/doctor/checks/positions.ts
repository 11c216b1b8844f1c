import { ask, told, type Visit } from "../visit.ts";

/** What tells how far a server has come. */
export type Positions = "WAL positions" | "transaction ids";

/** What a reader is to prove that it has seen. */
export interface Wanted {
  /** In the WAL, or the transaction's id. */
  readonly at: string;
  readonly timeline: number;
}

/** What a reader answers. */
export interface Progress {
  readonly seen: boolean;
  /** That it is shown to follow. */
  readonly timeline: number;
}

/** The library takes no proof from a reader on another timeline than the writer's. */
export function proves({ seen, timeline }: Progress, wanted: Wanted): boolean {
  return seen && timeline === wanted.timeline;
}

export const timelineOfControlFile = `greatest(
  (select timeline_id from pg_catalog.pg_control_checkpoint()),
  (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()), 0)`;

export const timelineOfStandby = `greatest(
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
  end)::text as at, timeline
from (
  select lsn, lsn - '0/0' as place,
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as segment,
    pg_catalog.current_setting('wal_block_size')::int as page,
    ('x' || substr(pg_catalog.pg_walfile_name(lsn), 1, 8))::bit(32)::int as timeline
  from (select pg_catalog.pg_current_wal_insert_lsn() as lsn offset 0) now
) written`;

/** Where the writer is; `undefined` where it must not be asked, as on Aurora. */
export async function positionInWal(writer: Visit): Promise<Wanted | undefined> {
  return (await isAurora(writer)) ? undefined : told<Wanted>(writer, endOfWal);
}

/** Whether a reader has come there; `undefined` where it must not be asked, as on Aurora. */
export async function progressInWal(reader: Visit, { at }: Wanted): Promise<Progress | undefined> {
  const answer = await told<Progress | { readonly seen: null }>(
    reader,
    `select pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_lsn as seen, ${timelineOfStandby} as timeline`,
    [at],
  );
  return answer === undefined || answer.seen === null ? undefined : answer;
}

/** The library does not ask Aurora for positions in the WAL, also where one of its servers has some. */
async function isAurora(visit: Visit): Promise<boolean> {
  const { aurora } = await ask<{ aurora: boolean | null }>(
    visit,
    "select current_setting('rds.extensions', true) like '%aurora_stat_utils%' as aurora",
  );
  return aurora === true;
}

/** The timeline of a server that understands transaction ids; `undefined` where it does not. */
export async function timelineForIds(visit: Visit): Promise<number | undefined> {
  const answer = await told<{ timeline: number }>(
    visit,
    `select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text, ${timelineOfControlFile} as timeline`,
  );
  return answer?.timeline;
}

/** Whether a reader has seen a transaction committed. */
export function progressInIds(reader: Visit, { at }: Wanted): Promise<Progress> {
  return ask<Progress>(
    reader,
    `select ${hasSeen(at)} as seen, ${timelineOfControlFile} as timeline`,
  );
}

/** The library's own words: whether they prove anything on a server is what is to be found out. */
export function hasSeen(transactionId: string): string {
  const id = `'${transactionId}'::xid8`;
  return `case when ${id} < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) then pg_catalog.pg_xact_status(${id}) = 'committed' else false end`;
}
