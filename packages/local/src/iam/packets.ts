import type { Readable } from "node:stream";
import { readExactly } from "../read-exactly.ts";

/** What a client begins with: https://www.postgresql.org/docs/current/protocol-flow.html */
export type FirstPacket =
  /** A TLS handshake, without asking before. It is still in the stream. */
  | { readonly kind: "tls" }
  | { readonly kind: "tls-request" }
  | { readonly kind: "gss-request" }
  | { readonly kind: "cancel"; readonly bytes: Buffer }
  | { readonly kind: "start-up"; readonly bytes: Buffer; readonly user: string };

const TLS_HANDSHAKE = 0x16;
const PASSWORD = 0x70; // "p"
// What PostgreSQL itself takes at most.
const LONGEST_START_UP = 10_000;
const LONGEST_PASSWORD = 65_535;

const CANCEL = 80877102;
const TLS_REQUEST = 80877103;
const GSS_REQUEST = 80877104;

/** Reads what a client begins with; `undefined` when it is nothing of PostgreSQL's, or ends. */
export async function readFirstPacket(stream: Readable): Promise<FirstPacket | undefined> {
  const first = await readExactly(stream, 1);
  if (first === undefined) return undefined;
  if (first[0] === TLS_HANDSHAKE) {
    stream.unshift(first);
    return { kind: "tls" };
  }
  const rest = await readExactly(stream, 7);
  if (rest === undefined) return undefined;
  const head = Buffer.concat([first, rest]);
  const length = head.readInt32BE(0);
  const code = head.readInt32BE(4);
  if (length < 8 || length > LONGEST_START_UP) return undefined;
  const body = await readExactly(stream, length - 8);
  if (body === undefined) return undefined;
  const bytes = Buffer.concat([head, body]);
  if (code === TLS_REQUEST && length === 8) return { kind: "tls-request" };
  if (code === GSS_REQUEST && length === 8) return { kind: "gss-request" };
  if (code === CANCEL) return { kind: "cancel", bytes };
  if (code >> 16 !== 3) return undefined;
  const user = userIn(body);
  return user === undefined ? undefined : { kind: "start-up", bytes, user };
}

/** Reads a client's answer to {@link askForPassword}; `undefined` when it is none. */
export async function readPassword(stream: Readable): Promise<string | undefined> {
  const head = await readExactly(stream, 5);
  if (head?.[0] !== PASSWORD) return undefined;
  const length = head.readInt32BE(1) - 4;
  if (length < 1 || length > LONGEST_PASSWORD) return undefined;
  const body = await readExactly(stream, length);
  return body?.at(-1) === 0 ? body.toString("utf8", 0, length - 1) : undefined;
}

/** AuthenticationCleartextPassword. */
export function askForPassword(): Buffer {
  return Buffer.of(0x52, 0, 0, 0, 8, 0, 0, 0, 3);
}

/** An ErrorResponse that ends the connection. */
export function fatalError(sqlState: string, message: string): Buffer {
  const fields = { S: "FATAL", V: "FATAL", C: sqlState, M: message };
  const text = Object.entries(fields).map(([name, value]) => `${name}${value}\0`);
  const body = Buffer.from(`${text.join("")}\0`, "utf8");
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/**
 * The user that a start-up message names, "" for none; `undefined` when the message is not one that
 * PostgreSQL and we are sure to understand alike.
 */
function userIn(parameters: Buffer): string | undefined {
  let words: string[];
  try {
    words = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(parameters)
      .split("\0");
  } catch {
    return undefined;
  }
  // Name, value, name, value, a name that is empty, and what split() finds behind it.
  if (words.length % 2 !== 0 || words.at(-1) !== "" || words.at(-2) !== "") return undefined;
  let user = "";
  for (let at = 0; at < words.length - 2; at += 2) {
    if (words[at] === "") return undefined;
    // As in PostgreSQL, the last one counts.
    if (words[at] === "user") user = words[at + 1] ?? "";
  }
  return user;
}
