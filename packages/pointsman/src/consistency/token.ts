import { createHmac, timingSafeEqual } from "node:crypto";
import { later, type Position } from "./position.ts";

/** What a token says of the line of work that it was written for. */
export type Carried =
  | { readonly kind: "position"; readonly position: Position }
  /** Something was written, up to where is not known. */
  | { readonly kind: "unknown"; readonly system: string }
  /** Where positions cannot be had: until when (epoch, ms) a write may be missing on readers. */
  | { readonly kind: "window"; readonly system: string; readonly until: number };

/** A token that was understood. */
export interface OpenedToken {
  readonly carried: Carried;
  /** It bears a signature made with one of the secrets. */
  readonly signed: boolean;
}

/** No token of ours is longer, in characters. */
const longest = 128;
const version = "1";
const makers = { w: "wal", x: "xid" } as const;

/**
 * Writes a token: short, URL-safe, and signed where there is a secret.
 *
 * @param secrets - the first one signs
 */
export function sealToken(carried: Carried, secrets: readonly string[]): string {
  const body = bodyOf(carried);
  const [secret] = secrets;
  return secret === undefined ? body : `${body}.${sign(body, secret)}`;
}

function bodyOf(carried: Carried): string {
  if (carried.kind === "position") {
    const { maker, system, timeline, at } = carried.position;
    const letter = maker === "wal" ? "w" : "x";
    return [version + letter, packSystem(system), timeline.toString(36), at.toString(36)].join(".");
  }
  const system = packSystem(carried.system);
  if (carried.kind === "unknown") return `${version}u.${system}`;
  return [`${version}t`, system, Math.round(carried.until).toString(36)].join(".");
}

/**
 * Reads a token.
 *
 * @param secrets - when there are any, a token without a signature by one of them is refused
 * @returns `undefined` for what is no token, or is forged
 */
export function openToken(token: unknown, secrets: readonly string[]): OpenedToken | undefined {
  if (typeof token !== "string" || token.length > longest) return undefined;
  const parts = token.split(".");
  const fields = parts[0]?.[1] === "u" ? 2 : parts[0]?.[1] === "t" ? 3 : 4;
  const signed = parts.length === fields + 1;
  if (!signed && parts.length !== fields) return undefined;
  if (secrets.length > 0) {
    const body = parts.slice(0, fields).join(".");
    const signature = signed ? (parts[fields] ?? "") : "";
    if (!secrets.some((secret) => isSame(sign(body, secret), signature))) return undefined;
  }
  const carried = readBody(parts);
  return carried === undefined ? undefined : { carried, signed: secrets.length > 0 };
}

function readBody([head = "", packed = "", ...numbers]: readonly string[]): Carried | undefined {
  if (head.length !== 2 || head[0] !== version) return undefined;
  const system = unpackSystem(packed);
  if (system === undefined) return undefined;
  const kind = head[1] as string;
  if (kind === "u") return { kind: "unknown", system };
  const [first, second] = numbers.map(unpackNumber);
  if (first === undefined) return undefined;
  if (kind === "t") return { kind: "window", system, until: first };
  if ((kind !== "w" && kind !== "x") || second === undefined) return undefined;
  return {
    kind: "position",
    position: { maker: makers[kind], system, timeline: first, at: second },
  };
}

/**
 * The latest of several tokens, for those who carry more than one: cookies of concurrent responses,
 * a cookie and a store. Signatures stay as they are and are not looked at.
 *
 * @returns `undefined` when none of them is a token
 *
 * @example
 * ```ts
 * import { mergeTokens } from "pointsman";
 *
 * const token = mergeTokens("1w.1vgc.1.aa", "1w.1vgc.1.bb", "nonsense");
 * console.log(token); // 1w.1vgc.1.bb
 * ```
 */
export function mergeTokens(...tokens: readonly (string | null | undefined)[]): string | undefined {
  let latest: { readonly token: string; readonly carried: Carried } | undefined;
  for (const token of tokens) {
    // Whether a signature is good is asked by who opens the token.
    const carried =
      typeof token === "string" && token.length <= longest ? readBody(token.split(".")) : undefined;
    if (carried === undefined) continue;
    if (latest === undefined || isLater(carried, latest.carried)) {
      latest = { token: token as string, carried };
    }
  }
  return latest?.token;
}

/** Whether one token stands for more than another; what cannot be compared gives way to the last. */
function isLater(a: Carried, b: Carried): boolean {
  if (a.kind === "position" && b.kind === "position") {
    const latest = later(a.position, b.position);
    return latest === undefined || (latest === a.position && latest !== b.position);
  }
  if (a.kind === "window" && b.kind === "window") return a.until >= b.until;
  // What is unknown covers everything; a window stands for what has no position.
  const rank = { position: 0, window: 1, unknown: 2 } as const;
  return rank[a.kind] >= rank[b.kind];
}

function sign(body: string, secret: string): string {
  return createHmac("sha256", secret).update(body).digest().subarray(0, 16).toString("base64url");
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** System identifiers are 64 bits, beyond what a number holds. */
function packSystem(system: string): string {
  return system === "" ? "0" : BigInt(system).toString(36);
}

function unpackSystem(packed: string): string | undefined {
  if (!/^[0-9a-z]{1,13}$/.test(packed)) return undefined;
  if (packed === "0") return "";
  let value = 0n;
  for (const digit of packed) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value.toString();
}

function unpackNumber(text: string): number | undefined {
  if (!/^[0-9a-z]{1,11}$/.test(text)) return undefined;
  const value = Number.parseInt(text, 36);
  return Number.isSafeInteger(value) ? value : undefined;
}
