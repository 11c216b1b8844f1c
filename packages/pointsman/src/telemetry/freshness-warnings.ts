import { warn } from "./warnings.ts";

/** A server knows no positions at all. */
export function warnWithoutPositions(endpoint: string, windowMillis: number): void {
  warn(
    "POINTSMAN_NO_POSITIONS",
    `${endpoint} tells neither its position in the WAL nor transaction ids, so nobody can know how far a reader is. For ${windowMillis} ms after each write reads go to the writer.`,
  );
}

/** Connections to a reader end at a pooler. */
export function warnOfPooler(endpoint: string): void {
  warn(
    "POINTSMAN_READER_POOLED",
    `${endpoint} is not a server but a pooler in front of some (PgBouncer, RDS Proxy or the like): what one of them has replayed says nothing of the next. Reads that must see a write go to the writer; others are served there. Connect to the readers themselves.`,
  );
}

/** The position of the process sends many reads to the writer. */
export function warnOfProcessPosition(share: number): void {
  warn(
    "POINTSMAN_PROCESS_POSITION",
    `Of the last thousand reads outside of sessions ${Math.round(100 * share)} % went to the writer, since something in this process had just written. Open a pool.session() for each request, so that a write makes only its own request wait.`,
  );
}
