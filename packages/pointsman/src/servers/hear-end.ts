import type { Submittable } from "pg";

type Handler = (...args: unknown[]) => unknown;

/**
 * Tells what becomes of a cursor, a stream or another submittable, which hears everything as before.
 *
 * @param ended - called once: when the server has answered all of it, or with the error that it is
 * told, be it of the server or of a connection that is lost
 */
export function hearEnd<T extends Submittable>(
  submittable: T,
  ended: (error: Error | undefined) => void,
): T {
  const handlers = submittable as unknown as Record<string, Handler | undefined>;
  const { handleError, handleReadyForQuery } = handlers;
  let isOver = false;
  const end = (error: Error | undefined): void => {
    if (isOver) return;
    isOver = true;
    ended(error);
  };
  if (typeof handleError === "function") {
    handlers["handleError"] = (...args) => {
      end(args[0] as Error);
      return handleError.apply(submittable, args);
    };
  }
  if (typeof handleReadyForQuery === "function") {
    handlers["handleReadyForQuery"] = (...args) => {
      try {
        // Here pg's Query fails by itself when it could not read its rows.
        return handleReadyForQuery.apply(submittable, args);
      } finally {
        end(undefined);
      }
    };
  }
  return submittable;
}
