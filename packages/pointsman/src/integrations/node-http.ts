import type { IncomingMessage, ServerResponse } from "node:http";
import { Carrier, headersOf } from "./carrier.ts";
import type { CarryOptions } from "./carry-options.ts";
import { carryOnHeaders, holdUntilKept } from "./node-response.ts";
import type { SessionHost } from "./session-host.ts";

/** A middleware of Express and of what is like it: Connect, NestJS. */
export type NodeMiddleware<Request extends IncomingMessage> = (
  request: Request,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Opens a session for each request of `node:http`. */
export function nodeMiddleware<Request extends IncomingMessage>(
  pool: SessionHost,
  options: CarryOptions<Request>,
): NodeMiddleware<Request> {
  const carrier = new Carrier(pool, options);
  return (request, response, next) => {
    const opened = carrier.open(request, headersOf(request), (trip) => {
      carryOnHeaders(response, trip);
      if (carrier.hasStore) holdUntilKept(response, trip);
      next();
    });
    if (opened instanceof Promise) opened.catch(next);
  };
}
