import type { IncomingMessage, ServerResponse } from "node:http";
import { Carrier, headersOf } from "./carrier.ts";
import type { CarryOptions } from "./carry-options.ts";
import { carryOnHeaders } from "./node-response.ts";
import type { SessionHost } from "./session-host.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** A middleware of Koa. */
export type KoaMiddleware<Context extends KoaContext> = (
  context: Context,
  next: () => Promise<unknown>,
) => Promise<void>;

/**
 * A middleware of Koa that runs everything behind it in a session of its own for each request, and
 * carries the session's token to the client and back: who has written something finds it with the
 * next request, whichever process and whichever reader serves that.
 *
 * The token is put on the response only when it has changed. Before Koa sends the response, this
 * waits for writes that are still under way, and for the store, for `timeoutMillis` at most.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link CarryOptions}; requests are Koa's contexts
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import Koa from "koa";
 * import { createPool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/koa";
 *
 * const pool = createPool();
 * const app = new Koa();
 * app.use(sessionPerRequest(pool));
 * app.use(async (context) => {
 *   await pool.query("insert into orders (customer) values (7)");
 *   context.redirect("/orders"); // finds the order there, on a reader that has it
 * });
 * ```
 */
export function sessionPerRequest<Context extends KoaContext = KoaContext>(
  pool: SessionHost,
  options: CarryOptions<Context> = {},
): KoaMiddleware<Context> {
  const carrier = new Carrier(pool, options);
  return async (context, next) => {
    await carrier.open(context, headersOf(context.req), async (trip) => {
      // Koa drops all headers that were set before an error: not before they leave are they safe.
      carryOnHeaders(context.res, trip);
      try {
        await next();
      } finally {
        await trip.settle();
      }
    });
  };
}
