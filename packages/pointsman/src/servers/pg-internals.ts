import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Client, ClientBase, TransactionStatus } from "pg";
import { secureOptions } from "../auth/secure-options.ts";

/**
 * What this library uses of `pg.Client` beyond its documented surface. Kept in one place, and held
 * against both ends of the supported range of `pg` by the tests.
 */
export interface ClientInternals {
  /** Whether the server has answered what was sent; absent until something was. */
  readonly readyForQuery?: boolean;
  readonly _queryQueue?: unknown[];
  /** Sent, and answered behind the active one. */
  readonly _sentQueryQueue?: unknown[];
  readonly pipeline?: boolean;
  _activeQuery?: unknown;
  _txStatus?: TransactionStatus;
  readonly _queryable?: boolean;
  readonly _ending?: boolean;
  readonly _ended?: boolean;
  readonly processID?: number | null;
  readonly secretKey?: number | null;
  readonly connection?: {
    parsedStatements: Record<string, string>;
    submittedNamedStatements?: Record<string, string>;
    readonly stream: Pick<
      Socket,
      "destroy" | "once" | "removeListener" | "bytesRead" | "remoteAddress" | "writable" | "write"
    >;
    /** Writes one message. */
    _send?(bytes: Buffer): void;
    readonly ssl?: boolean | ConnectionOptions;
    on(event: "errorMessage", listener: (message: ServerError) => void): void;
    on(event: "parameterStatus", listener: (message: ParameterStatus) => void): void;
    on(event: "bindComplete", listener: () => void): void;
    close(message: { readonly type: "S"; readonly name: string }): void;
  };
}

/** What a server reports of itself at login, and whenever it changes. */
export interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** The fields of an ErrorResponse that decisions are made on. */
export interface ServerError {
  readonly code?: string | undefined;
  readonly routine?: string | undefined;
  readonly schema?: string | undefined;
  readonly constraint?: string | undefined;
}

export function internals(client: ClientBase | Client): ClientInternals {
  return client as unknown as ClientInternals;
}

/**
 * Gives a connection that is to be opened the TLS options that are hidden from printing: `pg` hands
 * on to TLS what is enumerable. The connection's own fields are hidden instead: these options, and
 * the socket, which keeps them.
 */
export function lendSecrets({ connection }: ClientInternals): void {
  if (connection === undefined) return;
  const { ssl } = connection;
  const value = typeof ssl === "object" ? secureOptions(ssl) : ssl;
  Object.defineProperty(connection, "ssl", { value, enumerable: false });
  Object.defineProperty(connection, "stream", { enumerable: false });
}

/**
 * Gives a client its password, or a function that `pg` calls for it when the server asks, out of
 * sight of whoever prints the client.
 */
export function setPassword(
  client: Client,
  value: null | (() => Promise<string> | undefined),
): void {
  const { connectionParameters } = client as unknown as { connectionParameters: object };
  for (const holder of [client, connectionParameters]) {
    Object.defineProperty(holder, "password", {
      value,
      configurable: true,
      enumerable: false,
      writable: true,
    });
  }
}

/**
 * Takes the `query_timeout` of a client away from pg, which would give up the statement, but leave
 * it at work on the server.
 *
 * @returns milliseconds; 0: there is none
 */
export function takeQueryTimeout(client: Client): number {
  const { connectionParameters: parameters } = client as unknown as {
    readonly connectionParameters?: { query_timeout?: unknown };
  };
  // A class of clients that the application has given may have nothing of the kind.
  if (parameters === undefined) return 0;
  const millis = Number(parameters.query_timeout) || 0;
  parameters.query_timeout = 0;
  return millis;
}

/** What pg-pool keeps of a caller that waits for a connection. */
export interface PendingItem {
  readonly callback: (error: Error | undefined, client: unknown, release: unknown) => void;
  readonly timedOut: boolean;
}

/** What this library uses of `pg.Pool` beyond its documented surface. */
export interface PoolInternals {
  newClient(pending: PendingItem): void;
  _isFull(): boolean;
  _pulseQueue(): void;
  _release(client: ClientBase, idleListener: unknown, problem: unknown): void;
  _remove(client: ClientBase, callback?: () => void): void;
  readonly _pendingQueue: PendingItem[];
}

interface IdleItem {
  readonly client: ClientBase;
}

/** The connections of a pool that nobody uses. */
export function idleClients(pool: object): readonly ClientBase[] {
  return (pool as { readonly _idle: readonly IdleItem[] })._idle.map(({ client }) => client);
}

/** All connections of a pool, also those that are being opened. */
export function clientsOf(pool: object): readonly ClientBase[] {
  return (pool as { readonly _clients: readonly ClientBase[] })._clients;
}

/** Closes a connection, and frees its place. */
export function removeClient(pool: object, client: ClientBase): void {
  (pool as PoolInternals)._remove(client);
}

/** A client has reached the `maxLifetimeSeconds` of its pool. */
export function isExpired(pool: object, client: ClientBase): boolean {
  return (pool as { readonly _expired: WeakSet<ClientBase> })._expired.has(client);
}

/** Frees the place of a client that is out, and stays usable: it counts for nobody any more. */
export function freePlace(pool: object, client: object): void {
  const internal = pool as { _clients: readonly object[]; _pulseQueue(): void };
  if (!internal._clients.includes(client)) return;
  internal._clients = internal._clients.filter((other) => other !== client);
  internal._pulseQueue();
}

/** Makes the idle connection in that place the next one that the pool gives. */
export function bringForward(pool: object, at: number): void {
  const { _idle } = pool as { readonly _idle: IdleItem[] };
  if (at < _idle.length - 1) _idle.push(..._idle.splice(at, 1));
}

/** The connection can still carry statements. */
export function isUsable(client: ClientBase): boolean {
  const { _queryable, _ending, _ended } = internals(client);
  return _queryable !== false && _ending !== true && _ended !== true;
}

/** Whether more can be sent on a connection while answers are awaited: it is one of pg's, of text. */
export function isPipelinable(client: ClientBase): boolean {
  const { _sentQueryQueue, _queryQueue, pipeline, connection } = internals(client);
  const { binary } = client as { readonly binary?: boolean };
  return (
    _sentQueryQueue !== undefined &&
    _queryQueue !== undefined &&
    pipeline !== true &&
    binary !== true &&
    connection?.submittedNamedStatements !== undefined
  );
}

/** Lets a connection have been used so many times more, for the `maxUses` of its pool. */
export function countUses(client: ClientBase, more: number): void {
  const counted = client as { _poolUseCount?: number };
  counted._poolUseCount = (counted._poolUseCount ?? 0) + Math.max(0, more);
}

/** Lets the process end while this connection is open. */
export function unref(client: Client): void {
  (client as unknown as { unref(): void }).unref();
}

/** Nothing is queued or under way. */
export function isQuiet(client: ClientBase): boolean {
  const { readyForQuery, _queryQueue } = internals(client);
  return readyForQuery !== false && (_queryQueue === undefined || _queryQueue.length === 0);
}

/** Closes a connection on which a query is half sent, whose caller has been told of it. */
export function abandonActive({ _activeQuery, connection }: ClientInternals): void {
  if (typeof _activeQuery === "object" && _activeQuery !== null) {
    Object.assign(_activeQuery, { callback: () => {} });
  }
  connection?.stream.destroy();
}

/**
 * Calls back once nothing is queued or under way on the connection any more, or it is gone: at
 * once if that is so now.
 */
export function whenQuiet(client: ClientBase, callback: () => void): void {
  if (isQuiet(client) || !isUsable(client)) {
    callback();
    return;
  }
  const done = (): void => {
    client.removeListener("drain", done);
    client.removeListener("end", done);
    callback();
  };
  client.on("drain", done);
  client.on("end", done);
}
