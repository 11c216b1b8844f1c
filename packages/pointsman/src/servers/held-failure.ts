import { type Client, Query, type TransactionStatus } from "pg";
import { LaneQuery } from "./lanes/lane-query.ts";
import { internals, type ServerError } from "./pg-internals.ts";
import { Question } from "./question.ts";

/** An ErrorResponse, as pg's client gets it. */
export interface ErrorMessage extends ServerError {
  readonly severity?: string | undefined;
}

/**
 * The failure of a query, kept back until the server is ready for the next one. PostgreSQL sends
 * its error in a packet of its own, and pg tells it at once: who asks the client then for its
 * transaction status may be told the one from before the failure.
 */
export class HeldFailure {
  readonly #client: Client;
  readonly #tell: (message: ErrorMessage) => void;
  #message: ErrorMessage | undefined;

  /** @param tell - pg's own way of handling the message */
  constructor(client: Client, tell: (message: ErrorMessage) => void) {
    this.#client = client;
    this.#tell = tell;
  }

  /** Keeps a failure, or tells it at once where the server may not become ready by itself. */
  take(message: ErrorMessage): void {
    const { _activeQuery, pipeline, readyForQuery } = internals(this.#client);
    const waits = readyForQuery === false && pipeline !== true && message.severity === "ERROR";
    if (waits && getsReadyByItself(_activeQuery)) this.#message ??= message;
    else this.#tell(message);
  }

  /** @param status - of the transaction, as the server says now; `undefined`: it says no more */
  release(status?: TransactionStatus): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    if (status !== undefined) Object.assign(this.#client, { _txStatus: status });
    this.#tell(message);
  }
}

/** Whether a query has asked for the end of its answer already: cursors and streams do that later. */
function getsReadyByItself(query: unknown): boolean {
  if (query instanceof Question || query instanceof LaneQuery) return true;
  return query instanceof Query && !(query as { rows?: number }).rows;
}
