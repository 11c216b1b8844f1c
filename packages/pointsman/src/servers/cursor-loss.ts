import type { EventEmitter } from "node:events";
import type { Connection, Submittable } from "pg";
import { isOfServer, isServerGoingAway } from "./connection-loss.ts";

type CloseCallback = (error?: Error) => void;
type ErrorHandler = (error: Error, connection: Connection) => void;

/** What pg-cursor has, by itself or inside a pg-query-stream. */
interface Cursor extends EventEmitter {
  readonly connection?: Connection | null;
  state: string;
  read(rows: number): unknown;
  close(callback: CloseCallback): unknown;
}

/**
 * Has a cursor or a stream hear of it when its connection is lost, or it fails, at any time:
 * pg-cursor waits in vain for what no server says any more, and with it whoever reads.
 */
export function failWithConnection(submittable: Submittable): void {
  const cursor = cursorOf(submittable);
  if (cursor === undefined) return;
  tellOfErrorAtTheEnd(submittable, cursor);
  closeWithConnection(cursor);
}

/**
 * When the last row has come, pg-cursor takes itself for done and hears no error, though its reader
 * still waits for the server to be ready. What is deferred to the commit fails only then.
 */
function tellOfErrorAtTheEnd(submittable: Submittable, cursor: Cursor): void {
  const handlers = submittable as unknown as { handleError: ErrorHandler };
  const handleError = handlers.handleError;
  let ended = false;
  cursor.once("end", () => {
    ended = true;
  });
  handlers.handleError = (error, connection) => {
    const isLate = cursor.state === "done" && !ended;
    const isLost = isServerGoingAway(error) || !isOfServer(error);
    if (isLate) cursor.state = "busy";
    const tell = (): void => handleError.call(submittable, error, connection);
    if (isLate && !isLost) withoutSync(cursor, tell);
    else tell();
  };
}

/** pg-cursor sends a Sync behind an error, and must not where it has sent one already. */
function withoutSync({ connection }: Cursor, tell: () => void): void {
  if (connection === undefined || connection === null) {
    tell();
    return;
  }
  const { sync } = connection;
  connection.sync = () => {};
  try {
    tell();
  } finally {
    connection.sync = sync;
  }
}

/**
 * pg-cursor waits for the server to confirm that it is closed; and a pg-query-stream closes its
 * cursor before it tells of an error.
 */
function closeWithConnection(cursor: Cursor): void {
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
  const { read, close, once } = cursor as Partial<Cursor>;
  const is = [read, close, once].every((method) => typeof method === "function");
  return is ? (cursor as Cursor) : undefined;
}
