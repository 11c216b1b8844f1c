import { Carrier } from "./carrier.ts";
import type { CarryOptions } from "./carry-options.ts";
import { setCookieHeader } from "./cookie.ts";
import type { SessionHost } from "./session-host.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: { header(name: string): string | undefined };
  header(name: string, value: string, options?: { append?: boolean }): void;
}

/** A middleware of Hono. */
export type HonoMiddleware<Context extends HonoContext> = (
  context: Context,
  next: () => Promise<void>,
) => Promise<void>;

/**
 * A middleware of Hono that runs everything behind it in a session of its own for each request, and
 * carries the session's token to the client and back: who has written something finds it with the
 * next request, whichever process and whichever reader serves that.
 *
 * The token is put on the response only when it has changed. Before the response goes on, this
 * waits for writes that are still under way, and for the store, for `timeoutMillis` at most. What
 * is written while a response is streamed is late.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link CarryOptions}; requests are Hono's contexts
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createPool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/hono";
 *
 * const pool = createPool();
 * const app = new Hono();
 * app.use(sessionPerRequest(pool));
 * app.post("/orders", async (c) => {
 *   await pool.query("insert into orders (customer) values (7)");
 *   return c.redirect("/orders", 303); // finds the order there, on a reader that has it
 * });
 * ```
 */
export function sessionPerRequest<Context extends HonoContext = HonoContext>(
  pool: SessionHost,
  options: CarryOptions<Context> = {},
): HonoMiddleware<Context> {
  const carrier = new Carrier(pool, options);
  return async (context, next) => {
    await carrier.open(
      context,
      (name) => context.req.header(name),
      async (trip) => {
        try {
          await next();
        } finally {
          await trip.settle();
          const outgoing = trip.leave();
          for (const cookie of outgoing?.cookies ?? []) {
            context.header("Set-Cookie", setCookieHeader(cookie), { append: true });
          }
          if (outgoing?.header !== undefined) context.header(...outgoing.header);
        }
      },
    );
  };
}
