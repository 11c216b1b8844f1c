import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { setCookieHeader } from "./cookie.ts";
import type { Outgoing, Trip } from "./trip.ts";

/**
 * Puts the token on a response of `node:http` at the moment when its headers leave, whoever sends
 * them. Nothing can be awaited there.
 */
export function carryOnHeaders<Request>(response: ServerResponse, trip: Trip<Request>): void {
  const { writeHead } = response;
  response.writeHead = function (this: ServerResponse, ...given: unknown[]) {
    const outgoing = trip.leave();
    const send = writeHead as (...args: unknown[]) => ServerResponse;
    if (outgoing === undefined) return send.apply(this, given);
    const [status, message, headers] =
      typeof given[1] === "string" ? given : [given[0], undefined, given[1] ?? given[2]];
    setGiven(this, headers as HeadersOfWriteHead);
    append(this, outgoing);
    return message === undefined ? send.call(this, status) : send.call(this, status, message);
  } as ServerResponse["writeHead"];
  // What was written for a client that has gone is still to be found in the store.
  response.once("close", () => trip.leave());
}

function append(response: ServerResponse, { cookies, header }: Outgoing): void {
  if (cookies.length > 0) response.appendHeader("Set-Cookie", cookies.map(setCookieHeader));
  if (header !== undefined) response.setHeader(...header);
}

type HeadersOfWriteHead = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | undefined;

/** Sets what writeHead() was given, which would otherwise displace headers of the same name. */
function setGiven(response: ServerResponse, headers: HeadersOfWriteHead): void {
  if (headers === undefined || headers === null) return;
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) response.setHeader(name, value);
    }
    return;
  }
  // [name, value, name, value, …] or [[name, value], …], with names that may come again
  const flat = headers.flat(1) as string[];
  const names = new Set<string>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [name, value] = flat.slice(at, at + 2) as [string, string];
    if (!names.has(name.toLowerCase())) response.removeHeader(name);
    names.add(name.toLowerCase());
    response.appendHeader(name, value);
  }
}

/**
 * Holds back the end of a response until the store has the token. Meanwhile the response stands as
 * it was ended: what is set or ended afterwards would have come too late without us, too.
 */
export function holdUntilKept<Request>(response: ServerResponse, trip: Trip<Request>): void {
  const { end } = response;
  let held = false;
  response.end = function (this: ServerResponse, ...args: unknown[]) {
    if (held) return this;
    const finish = end as (...args: unknown[]) => ServerResponse;
    if (!trip.changed) return finish.apply(this, args);
    held = true;
    const asEnded = this.headersSent ? undefined : snapshot(this);
    // Not that of a moment ago: others may have put theirs around it since.
    const { writeHead } = this;
    this.writeHead = () => this;
    const release = (): void => {
      this.writeHead = writeHead;
      asEnded?.();
      finish.apply(this, args);
    };
    void (asEnded === undefined ? trip.kept() : trip.settle()).then(release);
    return this;
  } as ServerResponse["end"];
}

/** Remembers status and headers, and returns what brings them back. */
function snapshot(response: ServerResponse): () => void {
  const { statusCode, statusMessage } = response;
  const headers = response.getHeaders();
  return () => {
    response.statusCode = statusCode;
    response.statusMessage = statusMessage;
    for (const name of response.getHeaderNames()) {
      if (!(name in headers)) response.removeHeader(name);
    }
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && response.getHeader(name) !== value) {
        response.setHeader(name, value);
      }
    }
  };
}
