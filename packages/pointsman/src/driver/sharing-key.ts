import { createHash } from "node:crypto";
import type { PoolOptions } from "../config/options.ts";

/** Objects that are the same only as themselves: functions, sockets, instances of classes. */
const identities = new WeakMap<object, number>();
let lastIdentity = 0;

function identityOf(value: object): string {
  let identity = identities.get(value);
  if (identity === undefined) {
    identity = ++lastIdentity;
    identities.set(value, identity);
  }
  return `#${identity}`;
}

/** The variables that a pool is made of besides its options. */
const ofPools = /^(PG|DATABASE_|AWS_)/;

/**
 * What tells connections apart: Clients with the same key may share them. Values count as they are,
 * plain objects and lists by what is in them, and everything else, such as a function that makes
 * passwords, by its identity. It is a digest, since there are passwords among it.
 */
export function sharingKey(
  options: PoolOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const surroundings = Object.entries(environment).filter(([name]) => ofPools.test(name));
  const text = JSON.stringify([
    described(options, []),
    described(Object.fromEntries(surroundings), []),
  ]);
  return createHash("sha256").update(text).digest("base64");
}

function described(value: unknown, around: readonly object[]): unknown {
  if (value instanceof Uint8Array) return ["bytes", Buffer.from(value).toString("base64")];
  if (typeof value === "function") return identityOf(value);
  if (typeof value !== "object" || value === null) return [typeof value, String(value)];
  const inner = [...around, value];
  if (Array.isArray(value)) return ["list", ...value.map((one) => described(one, inner))];
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  if (!isPlain || around.includes(value)) return identityOf(value);
  return Object.getOwnPropertyNames(value)
    .sort()
    .map((name) => [name, Reflect.get(value, name)])
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [name, described(one, inner)]);
}
