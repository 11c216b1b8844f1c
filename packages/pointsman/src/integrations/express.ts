import type { IncomingMessage } from "node:http";
import type { CarryOptions } from "./carry-options.ts";
import { type NodeMiddleware, nodeMiddleware } from "./node-http.ts";
import type { SessionHost } from "./session-host.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export type { NodeMiddleware } from "./node-http.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/**
 * A middleware of Express that runs everything behind it in a session of its own for each request,
 * and carries the session's token to the client and back: who has written something finds it with
 * the next request, whichever process and whichever reader serves that.
 *
 * The token is put on the response when its headers leave, and only when it has changed. Express
 * cannot wait at that moment: a write that is still under way is carried as one whose position is
 * not known. With a store, the end of a response that carries a new token waits for the store.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link CarryOptions}
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createPool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/express";
 *
 * const pool = createPool();
 * const app = express();
 * app.use(sessionPerRequest(pool));
 * app.post("/orders", async (request, response) => {
 *   await pool.query("insert into orders (customer) values (7)");
 *   response.redirect(303, "/orders"); // finds the order there, on a reader that has it
 * });
 * ```
 */
export function sessionPerRequest<Request extends IncomingMessage = IncomingMessage>(
  pool: SessionHost,
  options: CarryOptions<Request> = {},
): NodeMiddleware<Request> {
  return nodeMiddleware(pool, options);
}
