import { Carrier } from "./carrier.ts";
import type { CarryOptions } from "./carry-options.ts";
import { setCookieHeader } from "./cookie.ts";
import type { SessionHost } from "./session-host.ts";
import type { Outgoing } from "./trip.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/** What is used of what `cookies()` of `next/headers` gives. */
export interface NextCookies {
  set(name: string, value: string, options: NextCookieOptions): unknown;
}

export interface NextCookieOptions {
  readonly path: "/";
  readonly maxAge: number;
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: "lax" | "strict" | "none";
}

/** How the token of a session travels with route handlers of Next.js. */
export interface NextCarryOptions<Request> extends CarryOptions<Request> {
  /**
   * `cookies` of `next/headers`. A handler that ends with `redirect()` throws, and Next.js makes the
   * response out of that: this is the only way to put a cookie on it. Without it the token of such a
   * handler goes to the store alone.
   */
  readonly cookies?: (() => Promise<NextCookies>) | undefined;
}

/** A route handler of Next.js: `GET`, `POST` and so on in a `route.ts`. */
export type RouteHandler<Req extends Request, Rest extends unknown[]> = (
  request: Req,
  ...rest: Rest
) => Response | Promise<Response>;

/** Puts a route handler into sessions. */
export type WithSession<Req extends Request> = <Rest extends unknown[]>(
  handler: RouteHandler<Req, Rest>,
) => (request: Req, ...rest: Rest) => Promise<Response>;

/**
 * Makes a wrapper for route handlers of Next.js: each request runs in a session of its own, whose
 * token is carried to the client and back, so that who has written something finds it with the next
 * request, whichever process and whichever reader serves that. It works with every handler that
 * takes a `Request` and returns a `Response`, on Node.js.
 *
 * The token is put on the response only when it has changed. Before the response is handed on, the
 * wrapper waits for writes that are still under way, and for the store, for `timeoutMillis` at most.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link NextCarryOptions}
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/next";
 *
 * const pool = createPool();
 * const withSession = sessionPerRequest(pool);
 *
 * export const POST = withSession(async (request) => {
 *   await pool.query("insert into orders (customer) values (7)");
 *   // finds the order there, on a reader that has it
 *   return Response.redirect(new URL("/orders", request.url), 303);
 * });
 * ```
 */
export function sessionPerRequest<Req extends Request = Request>(
  pool: SessionHost,
  options: NextCarryOptions<Req> = {},
): WithSession<Req> {
  const carrier = new Carrier<Req>(pool, options);
  return (handler) =>
    async (request, ...rest) =>
      carrier.open(
        request,
        (name) => request.headers.get(name) ?? undefined,
        async (trip) => {
          let response: Response;
          try {
            response = await handler(request, ...rest);
          } catch (error) {
            await trip.settle();
            await setCookies(trip.leave(), options);
            throw error;
          }
          await trip.settle();
          return withOutgoing(response, trip.leave());
        },
      );
}

function withOutgoing(response: Response, outgoing: Outgoing | undefined): Response {
  // What stands for a network error has no headers.
  if (outgoing === undefined || response.type === "error") return response;
  // The headers of a redirect, or of what fetch() gave, cannot be changed.
  const carrying = new Response(response.body, response);
  for (const cookie of outgoing.cookies) {
    carrying.headers.append("Set-Cookie", setCookieHeader(cookie));
  }
  if (outgoing.header !== undefined) carrying.headers.set(...outgoing.header);
  return carrying;
}

async function setCookies<Req>(
  outgoing: Outgoing | undefined,
  { cookies, onError }: NextCarryOptions<Req>,
): Promise<void> {
  if (outgoing === undefined || cookies === undefined) return;
  try {
    const jar = await cookies();
    for (const { name, value, ...attributes } of outgoing.cookies) jar.set(name, value, attributes);
  } catch (error) {
    // The handler's own error, which may be a redirect, is the one that counts.
    onError?.(error);
  }
}
