import type { Session } from "./session-host.ts";

/**
 * The sessions of requests hang on the global object, so that an ESM copy and a CommonJS copy of
 * this library in one process find each other's.
 */
const home = Symbol.for("pointsman.request-sessions.v1");

function sharedSessions(): WeakMap<object, Session> {
  const holder = globalThis as { [home]?: WeakMap<object, Session> };
  holder[home] ??= new WeakMap();
  return holder[home];
}

const sessions = sharedSessions();

export function rememberSession(request: object, session: Session): void {
  sessions.set(request, session);
}

/**
 * The session that `sessionPerRequest()` has opened for a request, for instance to give its token
 * to a job.
 *
 * @param request - what the framework hands to handlers: the request, or its context
 * @returns `undefined` where none was opened
 */
export function sessionOf(request: object): Session | undefined {
  return sessions.get(request);
}
