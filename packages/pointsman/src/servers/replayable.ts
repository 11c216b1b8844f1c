import type { Connection, Submittable } from "pg";
import { isReaderRefusal } from "./refusal.ts";

/** Methods of pg's connection that send something; what they sent can be sent again. */
const sending: ReadonlySet<PropertyKey> = new Set([
  "query",
  "parse",
  "bind",
  "describe",
  "execute",
  "flush",
  "sync",
  "close",
]);

/** Messages that the server answers with ReadyForQuery. */
const ending: ReadonlySet<PropertyKey> = new Set(["query", "sync"]);

type Method = (...args: unknown[]) => unknown;
type Handlers = Record<PropertyKey, Method | undefined>;

/** A submittable that can move to another connection as long as it has seen no row. */
export interface Replayable extends Submittable {
  /** The server has refused it for being a reader, and it may be submitted again elsewhere. */
  readonly refused: boolean;
  /** What the server has said, where it has refused it. */
  readonly refusal: unknown;
}

/**
 * Lets a cursor or a stream that a reader refuses be submitted again on the writer, with nothing
 * noticed: what it has sent is repeated there, and it goes on from where it was. Once it has seen
 * a row, errors reach it as they are.
 *
 * @param submittable - a cursor, a stream, or anything else with `submit`
 * @param refusedForGood - called when it is refused, but reads from the socket itself and cannot be
 * moved; before it hears of it
 * @returns what to submit in its place
 */
export function replayable(
  submittable: Submittable,
  refusedForGood: (error: unknown) => void,
): Replayable {
  const handlers = submittable as unknown as Handlers;
  const line = new SwitchedConnection();
  let described = false;
  let handedOut = false;
  let refused = false;
  let refusal: unknown;

  const own: Record<PropertyKey, unknown> = {
    submit(connection: Connection) {
      refused = false;
      if (line.current !== undefined) {
        line.moveTo(connection, described);
        return undefined;
      }
      line.current = connection;
      return submittable.submit(line.proxy);
    },
    handleRowDescription(...args: unknown[]) {
      if (described) return;
      described = true;
      handlers["handleRowDescription"]?.call(submittable, ...args);
    },
    handleDataRow(...args: unknown[]) {
      handedOut = true;
      handlers["handleDataRow"]?.call(submittable, ...args);
    },
    handleCopyData(...args: unknown[]) {
      handedOut = true;
      handlers["handleCopyData"]?.call(submittable, ...args);
    },
    handleError(error: unknown, connection: Connection) {
      if (handedOut || line.tapped || !isReaderRefusal(error)) {
        if (line.tapped && isReaderRefusal(error)) refusedForGood(error);
        handlers["handleError"]?.call(submittable, error, line.current && line.proxy);
        return;
      }
      refused = true;
      refusal = error;
      // After an error the server is silent until it is asked to go on.
      if (!line.hasEnded) connection.sync();
    },
  };

  return new Proxy(submittable, {
    get(target, key) {
      if (key === "refused") return refused;
      if (key === "refusal") return refusal;
      if (Object.hasOwn(own, key)) return own[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Replayable;
}

/** Stands for pg's connection towards a submittable, and can be switched to another one. */
class SwitchedConnection {
  current: Connection | undefined;
  readonly proxy: Connection;
  /** Somebody has taken the socket to read from it. */
  tapped = false;
  readonly #sent: [method: PropertyKey, args: unknown[]][] = [];
  readonly #listeners: [method: PropertyKey, args: unknown[]][] = [];

  constructor() {
    this.proxy = new Proxy({} as Connection, {
      get: (_target, key) => this.#get(key),
    });
  }

  /** Whether the server has been asked for a ReadyForQuery. */
  get hasEnded(): boolean {
    return this.#sent.some(([method]) => ending.has(method));
  }

  #get(key: PropertyKey): unknown {
    if (key === "stream") this.tapped = true;
    const value: unknown = Reflect.get(this.current as object, key);
    if (typeof value !== "function") return value;
    return (...args: unknown[]) => {
      if (sending.has(key)) this.#sent.push([key, args]);
      else if (key === "once" || key === "on") this.#listeners.push([key, args]);
      return (value as Method).apply(this.current, args);
    };
  }

  /** Sends everything again on another connection, which is used from now on. */
  moveTo(connection: Connection, described: boolean): void {
    const former = this.current as unknown as Handlers;
    this.current = connection;
    const next = connection as unknown as Handlers;
    for (const [method, args] of this.#listeners.splice(0)) {
      former["removeListener"]?.call(former, ...args);
      if (!described) next[method]?.call(connection, ...args);
    }
    for (const [method, args] of this.#sent) next[method]?.call(connection, ...args);
  }
}
