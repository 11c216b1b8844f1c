import type { Client, TransactionStatus } from "pg";
import type { ErrorMessage } from "./held-failure.ts";
import { internals } from "./pg-internals.ts";
import { Question } from "./question.ts";

/** What pg's client does with its queue, which is done differently here. */
export interface QueueMethods {
  _connect(callback: unknown): void;
  _pulseQueryQueue(): void;
  _handleErrorMessage(message: ErrorMessage): void;
  _errorAllQueries(error: Error): void;
  _handleReadyForQuery(message: { readonly status?: TransactionStatus } | undefined): void;
}

/** A query as pg's client sees it. */
interface Sendable {
  submit(connection: unknown): Error | null | undefined;
  handleError(error: Error, connection: unknown): void;
  handleReadyForQuery(connection: unknown): void;
}

/**
 * Lets several queries of one connection leave in one write, without waiting for each other's
 * answers: pg's client, outside of its pipeline mode, sends one and waits.
 */
export class Flight {
  readonly #client: Client;
  #boarding = false;
  /** Everything leaves at once, whatever is under way. */
  isShared = false;
  #gathered: Buffer[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  /** Runs `send`: what it gives to the client, which must be idle, leaves together. */
  together(send: () => void): void {
    const { connection } = internals(this.#client);
    if (this.isShared || connection === undefined) {
      send();
      return;
    }
    // One buffer: the system takes far longer over a write of many pieces.
    connection._send = (bytes) => this.#gathered.push(bytes);
    this.#boarding = true;
    try {
      send();
    } finally {
      this.#boarding = false;
      delete connection._send;
      this.#sendGathered();
    }
  }

  /** From now on nothing waits for the answers to what was sent before it; or all does again. */
  share(isShared: boolean): void {
    this.isShared = isShared;
    this.#boarding = isShared;
    const { connection } = internals(this.#client);
    if (connection === undefined) return;
    if (isShared) connection._send = (bytes) => this.#gather(bytes);
    else {
      this.#sendGathered();
      // What is inherited is pg's own.
      delete connection._send;
    }
  }

  /** What is sent in one turn of the event loop leaves in one write, at its end. */
  #gather(bytes: Buffer): void {
    if (this.#gathered.length === 0) process.nextTick(() => this.#sendGathered());
    this.#gathered.push(bytes);
  }

  #sendGathered(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    const stream = internals(this.#client).connection?.stream;
    // As pg does: what cannot be written any more fails with its connection.
    if (stream?.writable === true) stream.write(Buffer.concat(gathered));
  }

  /**
   * What is sent next stays behind, in the queue, when pg has refused to send the active query for
   * its arguments, and will say so in the next tick.
   */
  holdIfRefused(): void {
    const { _activeQuery, connection } = internals(this.#client);
    if (isRefused(_activeQuery as Refusable, connection)) this.#boarding = false;
  }

  /** Sends what is queued behind the active query, if it belongs to its flight. */
  pulse(): boolean {
    const { _queryQueue, _sentQueryQueue, readyForQuery, connection } = internals(this.#client);
    if (!this.#boarding || readyForQuery !== false) return false;
    if (_queryQueue === undefined || _sentQueryQueue === undefined) return false;
    while (_queryQueue.length > 0) {
      const query = _queryQueue.shift() as Sendable;
      const problem = query.submit(connection);
      if (problem instanceof Error) process.nextTick(() => query.handleError(problem, connection));
      else _sentQueryQueue.push(query);
    }
    return true;
  }

  /**
   * The server is ready, and the next query of the flight, if there is one, gets its answers from
   * now on.
   */
  advance(status: TransactionStatus): boolean {
    const client = internals(this.#client);
    const next = client._sentQueryQueue?.shift();
    if (next === undefined) return false;
    const over = client._activeQuery as Sendable | null | undefined;
    client._activeQuery = next;
    client._txStatus = status;
    over?.handleReadyForQuery(client.connection);
    return true;
  }
}

interface Refusable {
  readonly text?: unknown;
  readonly name?: unknown;
  readonly values?: unknown;
}

/** Whether pg does not send a query at all: the conditions are those of its `Query#submit`. */
function isRefused(
  query: Refusable | null | undefined,
  connection: ReturnType<typeof internals>["connection"],
): boolean {
  if (query === null || query === undefined || query instanceof Question) return false;
  const { text, name, values } = query;
  if (typeof text !== "string" && typeof name !== "string") return true;
  if (values && !Array.isArray(values)) return true;
  const known =
    typeof name === "string"
      ? (connection?.parsedStatements[name] ?? connection?.submittedNamedStatements?.[name])
      : undefined;
  return Boolean(text) && known !== undefined && text !== known;
}
