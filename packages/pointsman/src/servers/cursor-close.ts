import type { Connection, Submittable } from "pg";

type CloseCallback = (error?: Error) => void;

/** What pg-cursor has, by itself or inside a pg-query-stream. */
interface Cursor {
  readonly connection?: Connection | null;
  read(rows: number): unknown;
  close(callback: CloseCallback): unknown;
}

/**
 * Has a cursor be closed when its connection is lost. pg-cursor waits for the server to confirm the
 * close, for ever then; and a pg-query-stream, which closes its cursor before it tells of an error,
 * would tell of none: whoever reads from it would wait as long.
 */
export function closeWithConnection(submittable: Submittable): void {
  const cursor = cursorOf(submittable);
  if (cursor === undefined) return;
  const close = cursor.close;
  const closeAnyhow = (callback: CloseCallback): void => {
    const { connection } = cursor;
    let told = false;
    const done: CloseCallback = (error) => {
      connection?.removeListener("end", ended);
      if (told) return;
      told = true;
      callback(error);
    };
    const ended = (): void => done();
    if (connection?.stream.destroyed) setImmediate(ended);
    else connection?.once("end", ended);
    close.call(cursor, done);
  };
  cursor.close = (callback?: unknown) => {
    if (typeof callback === "function") return closeAnyhow(callback as CloseCallback);
    return new Promise<void>((resolve, reject) => {
      closeAnyhow((error) => (error ? reject(error) : resolve()));
    });
  };
}

function cursorOf(submittable: Submittable): Cursor | undefined {
  const { cursor = submittable } = submittable as { cursor?: unknown };
  const { read, close } = cursor as Partial<Cursor>;
  return typeof read === "function" && typeof close === "function" ? (cursor as Cursor) : undefined;
}
