import { AsyncResource } from "node:async_hooks";
import type { QueryConfig, Submittable } from "pg";
import type { Classification } from "../statements/types.ts";
import { inCallersContext } from "./callers-context.ts";
import { failWithConnection } from "./cursor-loss.ts";

/** Everything that `query` accepts as its first argument. */
export type QueryInput = string | QueryConfig<unknown[]> | Submittable;

export type QueryCallback = (error: Error | null | undefined, result?: unknown) => void;

export function isSubmittable(query: unknown): query is Submittable {
  return typeof (query as Submittable | null | undefined)?.submit === "function";
}

/** The SQL text of a query in any of its forms, if it can be seen. */
export function textOf(query: unknown): string | undefined {
  if (typeof query === "string") return query;
  if (typeof query !== "object" || query === null) return undefined;
  const { text, cursor } = query as { text?: unknown; cursor?: { text?: unknown } };
  if (typeof text === "string") return text;
  // pg-query-stream keeps its text in the cursor that it reads from
  return typeof cursor?.text === "string" ? cursor.text : undefined;
}

/** A query that is no submittable as a config. */
export function asConfig(query: string | QueryConfig<unknown[]>): QueryConfig<unknown[]> {
  return typeof query === "string" ? { text: query } : query;
}

/** A config that differs in some fields from another, which stays as it is. */
export function derive(
  query: QueryConfig<unknown[]>,
  fields: Readonly<Record<string, unknown>>,
): QueryConfig<unknown[]> {
  return { ...(snapshot(query) as QueryConfig<unknown[]>), ...fields };
}

/** A query's config with the fields that `pg` reads, and those of this library. */
interface FullConfig extends QueryConfig<unknown[]> {
  rowMode?: unknown;
  binary?: unknown;
  portal?: unknown;
  rows?: unknown;
  queryMode?: unknown;
  query_timeout?: unknown;
  signal?: unknown;
  target?: unknown;
  consistency?: unknown;
  maxStaleness?: unknown;
}

/**
 * A config as it is now: the caller may use its object again for another statement before this one
 * is sent, which must still be the one that was judged. `pg` writes into it, too.
 */
export function snapshot(query: QueryInput): QueryInput {
  if (typeof query !== "object" || query === null || isSubmittable(query)) return query;
  const config = query as FullConfig;
  const copy: { [K in keyof Required<FullConfig>]: unknown } = {
    ...config,
    text: config.text,
    values: config.values,
    name: config.name,
    types: config.types,
    rowMode: config.rowMode,
    binary: config.binary,
    portal: config.portal,
    rows: config.rows,
    queryMode: config.queryMode,
    query_timeout: config.query_timeout,
    signal: config.signal,
    target: config.target,
    consistency: config.consistency,
    maxStaleness: config.maxStaleness,
  };
  return copy as unknown as QueryInput;
}

/**
 * Refuses what `pg` throws at while it sends it, with the error that it throws: a text or a name that
 * is no string. Where that is sent later nobody would be there to be thrown at, and what has been
 * written of it by then would stand in front of the next message, on whatever connection. (Other
 * mistakes are `pg`'s to tell.)
 *
 * @throws TypeError
 */
export function mustBeWritable(query: QueryInput): void {
  if (typeof query !== "object" || query === null) return;
  const { text, name } = query as { readonly text?: unknown; readonly name?: unknown };
  const other = typeof text === "string" ? name : typeof name === "string" ? text : undefined;
  if (!other || typeof other === "string") return;
  // What `pg` does with a string, and with nothing else.
  Buffer.byteLength(other as string);
  Buffer.alloc(0).write(other as string);
}

/** The methods by which a connection tells a submittable what the server answered. */
const answers = [
  "handleRowDescription",
  "handleDataRow",
  "handlePortalSuspended",
  "handleEmptyQuery",
  "handleCommandComplete",
  "handleCopyInResponse",
  "handleCopyData",
  "handleReadyForQuery",
  "handleError",
] as const;

/**
 * Lets everything that a submittable does when the server answers (its events, its callbacks) run
 * in the context of the caller, not in that of whoever opened the connection.
 */
export function bindToCaller<T extends Submittable>(submittable: T): T {
  failWithConnection(submittable);
  const handlers = submittable as unknown as Record<string, unknown>;
  const context = new AsyncResource("pointsman.query");
  for (const name of answers) {
    const handler = handlers[name];
    if (typeof handler === "function") {
      handlers[name] = (...args: unknown[]) =>
        context.runInAsyncScope(handler as never, submittable, ...args);
    }
  }
  const { close } = handlers;
  if (typeof close === "function") {
    // A cursor is told of its close by the connection itself, past the methods above.
    handlers["close"] = (callback?: unknown) =>
      close.call(
        submittable,
        typeof callback === "function" ? inCallersContext(callback as never) : callback,
      );
  }
  return submittable;
}

/** Fails a query that was not sent, in the way in which it was called. */
export function failUnsent(
  query: QueryInput,
  callbacks: readonly unknown[],
  error: Error,
): Promise<never> | undefined {
  if (isSubmittable(query)) throw error;
  const given = [...callbacks, (query as { callback?: unknown }).callback].find(
    (candidate) => typeof candidate === "function",
  );
  if (given === undefined) return Promise.reject(error);
  process.nextTick(given as (error: Error) => void, error);
  return undefined;
}

/** Errors of the application's own code, whose stack tells where in it they were thrown. */
const applications = new WeakSet<object>();

/** Keeps the stack of an error as it is. */
export function keepStack(error: unknown): void {
  if (typeof error === "object" && error !== null) applications.add(error);
}

/**
 * Makes the stack of an error lead back to the caller of an asynchronous function, as `pg` does.
 * Used in a `catch` whose frames the runtime connects with the `await` of the caller.
 */
export function withCallersStack(error: unknown): never {
  if (error instanceof Error && Object.isExtensible(error) && !applications.has(error)) {
    Error.captureStackTrace(error);
  }
  throw error;
}

/** Tells a cursor or a stream of an error that has happened before it reached a connection. */
export function failSubmittable(query: QueryInput, error: Error): void {
  const { handleError } = query as { handleError?: (error: Error, connection: unknown) => void };
  // There is no connection to synchronise: this one swallows the request.
  handleError?.call(query, error, { sync: () => {} });
}

/** What is known of a query's text; `undefined` where that cannot be seen. */
export function knownOf(
  query: QueryInput,
  classify: (sql: string) => Classification,
): Classification | undefined {
  const text = textOf(query);
  return text === undefined ? undefined : classify(text);
}

/**
 * A query that the server refuses when its text is of several statements, as it does in the extended
 * protocol. A cursor or a stream is sent in that anyway.
 */
export function asOneStatement(query: QueryInput): QueryInput {
  if (isSubmittable(query)) return query;
  return derive(asConfig(query), { queryMode: "extended" });
}
