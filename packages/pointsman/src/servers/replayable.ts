import type { EventEmitter } from "node:events";
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
  /** It was told an error while it belonged to no connection: it is not sent any more. */
  readonly isGivenUp: boolean;
  /**
   * Takes off what `pg` has put on it for the connection that has refused it: who is called back, and
   * the timer of its `query_timeout`.
   */
  letGo(): void;
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
  // Before pg gets hold of it.
  const { callback: given } = handlers;
  let described = false;
  let handedOut = false;
  let moved = false;
  let refused = false;
  let refusal: unknown;

  const own: Record<PropertyKey, unknown> = {
    submit(connection: Connection) {
      refused = false;
      // Its caller has been told already: pg ends it as one that could not be sent.
      if (line.isGivenUp) return new Error("It was given up before it could be sent again.");
      if (line.current !== undefined) {
        moved = true;
        line.moveTo(connection);
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
      const isSubmitted = line.current !== undefined;
      const mayMove = isSubmitted && !moved && !line.isDetached && !handedOut && !line.tapped;
      if (!mayMove || !isReaderRefusal(error)) {
        if (line.tapped && isReaderRefusal(error)) refusedForGood(error);
        const towards = isSubmitted ? line.proxy : connection;
        handlers["handleError"]?.call(submittable, error, towards);
        // There is nowhere to move to.
        if (line.isDetached) line.giveUp();
        return;
      }
      refused = true;
      refusal = error;
      // After an error the server is silent until it is asked to go on.
      if (!line.hasEnded) connection.sync();
      line.detach();
    },
    letGo() {
      // To call what pg has put in its place ends the timer, and calls nobody else.
      if (given === undefined) handlers["callback"]?.call(submittable);
      handlers["callback"] = given;
    },
  };

  return new Proxy(submittable, {
    get(target, key) {
      if (key === "refused") return refused;
      if (key === "refusal") return refusal;
      if (key === "isGivenUp") return line.isGivenUp;
      if (Object.hasOwn(own, key)) return own[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Replayable;
}

/**
 * Stands for pg's connection towards a submittable, and can be switched to another one. In between
 * it is detached: the connection is somebody else's by then, and what is sent on it would be taken
 * for theirs.
 */
class SwitchedConnection {
  current: Connection | undefined;
  readonly proxy: Connection;
  /** Somebody has taken the socket to read from it. */
  tapped = false;
  /** Nothing reaches a connection: it is kept for the next one. */
  isDetached = false;
  /** There is no next one. */
  isGivenUp = false;
  readonly #sent: [method: PropertyKey, args: unknown[]][] = [];
  #listeners: Listening[] = [];

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
      const [event, listener] = args;
      if (sending.has(key)) this.#sent.push([key, args]);
      else if (key === "once" || key === "on") {
        this.#listeners.push({ method: key, event, listener: listener as Method });
        if (this.isGivenUp) this.#ready();
      } else if (key === "removeListener" || key === "off") {
        this.#listeners = this.#listeners.filter(
          (one) => one.event !== event || one.listener !== listener,
        );
      }
      return this.isDetached ? this.proxy : (value as Method).apply(this.current, args);
    };
  }

  /** Lets go of the connection, and takes along the listeners that have not been called yet. */
  detach(): void {
    const former = this.current as unknown as EventEmitter;
    this.isDetached = true;
    this.#listeners = this.#listeners.filter(({ event, listener }) => {
      const isWaiting = former.listeners(event as string).includes(listener);
      if (isWaiting) former.removeListener(event as string, listener);
      return isWaiting;
    });
  }

  /** Sends everything again on another connection, which is used from now on. */
  moveTo(connection: Connection): void {
    this.current = connection;
    this.isDetached = false;
    const next = connection as unknown as Handlers;
    for (const { method, event, listener } of this.#listeners) {
      next[method]?.call(connection, event, listener);
    }
    for (const [method, args] of this.#sent) next[method]?.call(connection, ...args);
  }

  /** There is no other connection. Who waits until the server is ready waits for nothing else. */
  giveUp(): void {
    this.isGivenUp = true;
    this.#ready();
  }

  #ready(): void {
    for (const { event, listener } of this.#listeners.splice(0)) {
      if (event === "readyForQuery") setImmediate(listener);
    }
  }
}

/** Somebody listens to a connection. */
interface Listening {
  readonly method: "on" | "once";
  readonly event: unknown;
  readonly listener: Method;
}
