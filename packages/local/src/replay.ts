import { ClusterError } from "./errors.ts";
import { parseLsn } from "./lsn.ts";
import type { Roster } from "./roster.ts";
import type { LocalServer } from "./server.ts";
import { poll } from "./wait.ts";

/**
 * Waits until every reader that runs, follows the writer and is not paused has applied everything
 * that the writer has written before this call.
 *
 * @throws ClusterError `TIMEOUT`, `NOT_RUNNING` when the writer does not run
 */
export async function waitForReplay({ writer, readers }: Roster, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  writer.mustAnswer();
  const target = await writtenSoFar(writer);
  const behind = await Promise.all(
    readers
      .filter(({ follows, state }) => follows === writer && state === "running")
      .map(async (reader) => {
        const done = await poll(
          async () => {
            const position = await reader.replayed();
            return position === undefined || position >= target ? true : undefined;
          },
          deadline,
          1,
        );
        return done ? [] : [reader.name];
      }),
  );
  if (behind.flat().length === 0) return;
  throw new ClusterError(
    "TIMEOUT",
    `${behind.flat().join(" and ")} did not catch up with the writer within ${timeoutMs} ms. ` +
      "Is a lag set that is longer, or does a query on the reader hold the replay up?",
  );
}

/** The writer's position in the WAL, on its way to the readers. */
async function writtenSoFar(writer: LocalServer): Promise<bigint> {
  const [row] = await writer.control.query<{ written: string; flushed: string }>(
    `SELECT pg_current_wal_insert_lsn()::text AS written, pg_current_wal_flush_lsn()::text AS flushed`,
  );
  const { written, flushed } = row as { written: string; flushed: string };
  if (parseLsn(flushed) < parseLsn(written)) {
    // Only what is flushed is sent, and what no commit asks to flush may wait for long. The insert
    // position can also stand behind the header of a page that has no record yet, where no reader
    // can get. A record more cures both: it is flushed within wal_writer_delay, and lies beyond.
    await writer.control.query("SELECT pg_logical_emit_message(false, 'pointsman-local', '')");
  }
  return parseLsn(written);
}
