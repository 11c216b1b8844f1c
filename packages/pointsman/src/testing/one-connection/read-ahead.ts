import { EventEmitter } from "node:events";
import type { Connection, Submittable } from "pg";

type Handler = (...args: unknown[]) => unknown;
type Handlers = Readonly<Record<string, Handler | undefined>>;
/** What is used of pg's connection, whose own types know little of it. */
type Wire = Record<string, Handler>;

/** Whether it is a cursor of pg-cursor, or a stream that reads from one. */
export function isCursor(submittable: Submittable): boolean {
  const { cursor = submittable } = submittable as { readonly cursor?: unknown };
  const { read, close } = cursor as { readonly read?: unknown; readonly close?: unknown };
  return typeof read === "function" && typeof close === "function";
}

/**
 * Reads all that a cursor has to give at once, and hands it out as it is asked for: a cursor that is
 * read from while other statements are sent would keep the one connection from them.
 */
export class ReadAhead implements Submittable {
  readonly #reader: Submittable;
  readonly #handlers: Handlers;
  readonly #rows: unknown[] = [];
  /** pg sets it where a query has a deadline. */
  callback: (() => void) | undefined;
  readonly #front: CursorsConnection;
  #complete: unknown;
  #empty = false;
  #error: Error | undefined;

  constructor(reader: Submittable) {
    this.#reader = reader;
    this.#handlers = reader as unknown as Handlers;
    this.#front = new CursorsConnection({
      rows: (count) => this.#give(count),
      ready: () => this.#handlers["handleReadyForQuery"]?.(this.#front),
    });
  }

  get text(): string | undefined {
    const { text, cursor } = this.#reader as { text?: string; cursor?: { text?: string } };
    return text ?? cursor?.text;
  }

  /** pg sets the parsers of types there. */
  get _result(): unknown {
    return (this.#reader as { readonly _result?: unknown })._result;
  }

  /** What it has failed with. */
  get error(): Error | undefined {
    return this.#error;
  }

  submit(connection: Connection): unknown {
    const wire = connection as unknown as Wire & EventEmitter;
    const noData = (): void => {
      this.#front.emit("noData");
    };
    wire.once("noData", noData);
    this.#front.once("loaded", () => wire.removeListener("noData", noData));
    this.#front.line = wire;
    return this.#reader.submit(this.#front as unknown as Connection);
  }

  handleRowDescription(message: unknown): void {
    this.#front.emit("rowDescription", message);
    this.#handlers["handleRowDescription"]?.(message);
  }

  handleDataRow({ fields }: { readonly fields: unknown }): void {
    this.#rows.push({ fields });
  }

  handleCommandComplete(message: unknown): void {
    this.#complete = message;
  }

  handleEmptyQuery(): void {
    this.#empty = true;
  }

  handlePortalSuspended(): void {}

  handleReadyForQuery(): void {}

  handleError(error: Error): void {
    this.#error ??= error;
  }

  /** All is there, or it has failed: from now on the cursor is answered. */
  loaded(error: Error | undefined = this.#error): void {
    this.callback?.();
    this.#front.emit("loaded");
    if (error === undefined) {
      this.#front.answer();
      return;
    }
    this.#front.hasFailed = true;
    this.#handlers["handleError"]?.(error, this.#front);
  }

  #give(count: number): void {
    const most = count > 0 ? count : Number.POSITIVE_INFINITY;
    const rows = this.#rows.splice(0, Math.min(most, this.#rows.length));
    for (const row of rows) this.#handlers["handleDataRow"]?.(row);
    if (rows.length === most) this.#handlers["handlePortalSuspended"]?.(this.#front);
    else if (this.#empty) this.#handlers["handleEmptyQuery"]?.(this.#front);
    else this.#handlers["handleCommandComplete"]?.(this.#complete, this.#front);
  }
}

/** What a cursor takes for its connection. */
class CursorsConnection extends EventEmitter {
  readonly stream = { destroyed: false };
  line: Wire | undefined;
  hasFailed = false;
  readonly #on: { readonly rows: (count: number) => void; readonly ready: () => void };
  readonly #asked: (() => void)[] = [];
  #isLoaded = false;
  #portal: unknown;
  #isSent = false;

  constructor(on: { readonly rows: (count: number) => void; readonly ready: () => void }) {
    super();
    this.#on = on;
  }

  parse(...args: unknown[]): void {
    this.line?.["parse"]?.(...args);
  }

  bind(options: { readonly portal?: unknown }, ...more: unknown[]): void {
    this.#portal = options.portal;
    this.line?.["bind"]?.(options, ...more);
  }

  describe(...args: unknown[]): void {
    this.line?.["describe"]?.(...args);
  }

  /** The first one stands behind the questions of what it is: there all of it is asked for. */
  flush(): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.line?.["execute"]?.({ portal: this.#portal, rows: 0 }, true);
    this.line?.["close"]?.({ type: "P", name: this.#portal }, true);
    this.line?.["sync"]?.();
  }

  execute({ rows = 0 }: { readonly rows?: number }): void {
    this.#later(() => this.#on.rows(rows));
  }

  close(): void {
    if (this.hasFailed) this.#synchronised();
  }

  sync(): void {
    if (this.hasFailed) {
      this.#synchronised();
      return;
    }
    this.#later(() => {
      this.#on.ready();
      this.emit("readyForQuery");
    });
  }

  /** After an error pg tells nobody but those who listen. */
  #synchronised(): void {
    setImmediate(() => this.emit("readyForQuery"));
  }

  end(): void {
    this.emit("end");
  }

  /** What was asked for is given now, and what will be as soon as it is. */
  answer(): void {
    this.#isLoaded = true;
    for (const give of this.#asked.splice(0)) process.nextTick(give);
  }

  #later(give: () => void): void {
    if (this.#isLoaded) process.nextTick(give);
    else this.#asked.push(give);
  }
}
