import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Hono } from "hono";
import type { StatementEvent } from "pointsman";

/** A statement that a server has answered. */
export interface TracedStatement {
  readonly text: string;
  readonly target: "writer" | "reader";
  readonly reason: string;
  /** The server's name: `writer`, `reader1`, … */
  readonly server: string;
  readonly durationMs: number;
  readonly failed: boolean;
}

/** A request that the shop has answered, with the statements that it took. */
export interface TracedRequest {
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly statements: readonly TracedStatement[];
}

/** Who hears of what the trace sees. */
export interface Listener {
  statement(statement: TracedStatement): void;
  request(request: TracedRequest): void;
}

/** Tells which request took which statements, without a change in the application. */
export class Trace {
  readonly #current = new AsyncLocalStorage<TracedStatement[]>();
  readonly #names: ReadonlyMap<string, string>;
  #listener: Listener | undefined;

  /** @param names - the server's name for each `host:port` */
  constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  start(listener: Listener): void {
    this.#listener = listener;
    subscribe("pointsman:statement:end", this.#statement);
  }

  stop(): void {
    this.#listener = undefined;
    unsubscribe("pointsman:statement:end", this.#statement);
  }

  /** The same application, watched. */
  watch(app: Hono): Hono {
    const watched = new Hono();
    watched.use(async (c, next) => {
      const statements: TracedStatement[] = [];
      const start = performance.now();
      await this.#current.run(statements, () => next());
      const { pathname, search } = new URL(c.req.url);
      this.#listener?.request({
        method: c.req.method,
        path: decodeURIComponent(pathname + search),
        status: c.res.status,
        durationMs: performance.now() - start,
        statements,
      });
    });
    return watched.route("/", app);
  }

  /** Called in the context of whoever sent the statement: that tells the request. */
  readonly #statement = (message: unknown): void => {
    const { text, target, reason, endpoint, durationMs, error } = message as StatementEvent;
    const server = this.#names.get(endpoint) ?? endpoint;
    const statement = { text, target, reason, server, durationMs, failed: error !== undefined };
    this.#current.getStore()?.push(statement);
    this.#listener?.statement(statement);
  };
}
