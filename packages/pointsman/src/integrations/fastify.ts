import { AsyncResource } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Carrier, headersOf } from "./carrier.ts";
import type { CarryOptions } from "./carry-options.ts";
import { carryOnHeaders } from "./node-response.ts";
import type { SessionHost } from "./session-host.ts";
import type { Trip } from "./trip.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/** What is used of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
}

/** What is used of a Fastify instance. */
export interface FastifyLike<Request extends FastifyRequestLike> {
  addHook(
    name: "onRequest" | "preValidation",
    hook: (request: Request, reply: FastifyReplyLike, done: (error?: Error) => void) => void,
  ): unknown;
  addHook(name: "onSend", hook: (request: Request) => Promise<void>): unknown;
}

/** A plugin of Fastify. */
export type FastifyPlugin<Request extends FastifyRequestLike> = (
  instance: FastifyLike<Request>,
  options: object,
  done: (error?: Error) => void,
) => void;

/**
 * A plugin of Fastify that runs every hook and handler behind it in a session of its own for each
 * request, and carries the session's token to the client and back: who has written something finds
 * it with the next request, whichever process and whichever reader serves that.
 *
 * The token is put on the response only when it has changed. Before the response leaves, the plugin
 * waits for writes that are still under way, and for the store, for `timeoutMillis` at most. It
 * holds for the instance that it is registered on, as if it was wrapped in `fastify-plugin`.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link CarryOptions}
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { createPool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/fastify";
 *
 * const pool = createPool();
 * const app = Fastify();
 * await app.register(sessionPerRequest(pool));
 * app.post("/orders", async (request, reply) => {
 *   await pool.query("insert into orders (customer) values (7)");
 *   return reply.redirect("/orders", 303); // finds the order there, on a reader that has it
 * });
 * ```
 */
export function sessionPerRequest<Request extends FastifyRequestLike = FastifyRequestLike>(
  pool: SessionHost,
  options: CarryOptions<Request> = {},
): FastifyPlugin<Request> {
  const carrier = new Carrier(pool, options);
  const open = new WeakMap<Request, { trip: Trip<Request>; context: AsyncResource }>();
  const plugin: FastifyPlugin<Request> = (instance, _options, done) => {
    instance.addHook("onRequest", (request, reply, next) => {
      const opened = carrier.open(request, headersOf(request.raw), (trip) => {
        open.set(request, { trip, context: new AsyncResource("pointsman.request") });
        carryOnHeaders(reply.raw, trip);
        next();
      });
      if (opened instanceof Promise) opened.catch(next);
    });
    // A body is read by events of its socket, which belong to no request.
    instance.addHook("preValidation", (request, _reply, next) => {
      const context = open.get(request)?.context;
      if (context === undefined) next();
      else context.runInAsyncScope(next);
    });
    instance.addHook("onSend", async (request) => {
      await open.get(request)?.trip.settle();
    });
    done();
  };
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "pointsman",
  });
}
