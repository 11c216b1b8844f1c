import { type Finding, look, ok, skipped } from "../finding.ts";
import { told, type Visit } from "../visit.ts";

/** What a reader tells of how far it is; `null` and absent: not told. */
export interface Progress {
  /** Bytes that the writer has written and the reader has not applied. */
  readonly behindBytes?: number | null | undefined;
  /** Bytes that the reader has received and not applied. */
  readonly unappliedBytes?: number | null | undefined;
  /** Since the last commit that the reader has applied was made. */
  readonly sinceMillis?: number | null | undefined;
  readonly paused?: boolean | null | undefined;
  /** As Aurora tells it, whose readers apply nothing: they share the writer's storage. */
  readonly auroraMillis?: number | null | undefined;
}

/** What is worth a look, in milliseconds. */
const muchMillis = 5000;

const late =
  "Reads there are that old. Look for long queries on the reader that hold it back, for more writes than it can follow, and whether it is connected to the writer (pg_stat_replication there).";

/** How far a reader is behind the writer. */
export async function checkLag(visit: Visit): Promise<Finding> {
  if (visit.isStandby !== true) return skipped("this is no reader");
  const aurora = await told<Progress>(
    visit,
    `select replica_lag_in_msec::float8 as "auroraMillis"
     from aurora_replica_status() where server_id = aurora_db_instance_identifier()`,
  );
  if (aurora !== undefined) return judgeLag(aurora);
  // The writer first: what it writes meanwhile is no lag.
  const writerAt = await lsnOf(visit.writer);
  const progress = await told<Progress>(
    visit,
    `select pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_replay_lsn())::float8 as "behindBytes",
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8 as "unappliedBytes",
       pg_is_wal_replay_paused() as paused`,
    [writerAt ?? null],
  );
  const time = await told<Progress>(
    visit,
    `select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000 as "sinceMillis"`,
  );
  return judgeLag({ ...progress, ...time });
}

async function lsnOf(writer: Visit | undefined): Promise<string | undefined> {
  if (writer?.client === undefined || writer.isStandby !== false) return undefined;
  const row = await told<{ lsn: string }>(writer, "select pg_current_wal_lsn()::text as lsn");
  return row?.lsn;
}

export function judgeLag(progress: Progress): Finding {
  const { behindBytes, unappliedBytes, sinceMillis, paused, auroraMillis } = progress;
  if (typeof auroraMillis === "number") {
    const found = `${duration(auroraMillis)} behind`;
    return auroraMillis > muchMillis ? look(found, late) : ok(found);
  }
  const bytes = behindBytes ?? unappliedBytes;
  if (typeof bytes !== "number") return ok("not told by this server");
  if (paused === true) {
    return look(
      `replay is paused, ${size(bytes)} behind`,
      "Whoever paused it should resume it: select pg_wal_replay_resume() on the reader.",
    );
  }
  if (bytes <= 0) {
    const all = typeof behindBytes === "number" ? "the writer has written" : "has been received";
    return ok(`none: all that ${all} is applied`);
  }
  const time = typeof sinceMillis === "number" ? `up to ${duration(sinceMillis)}, ` : "";
  const found = `${time}${size(bytes)} behind`;
  if (typeof sinceMillis === "number" && sinceMillis > muchMillis) return look(found, late);
  return ok(found);
}

function duration(millis: number): string {
  return millis < 1000 ? `${Math.round(millis)} ms` : `${Math.round(millis / 1000)} s`;
}

function size(bytes: number): string {
  if (bytes < 1024) return `${Math.max(0, bytes)} bytes`;
  return bytes < 1_048_576
    ? `${Math.round(bytes / 1024)} kB`
    : `${Math.round(bytes / 1_048_576)} MB`;
}
