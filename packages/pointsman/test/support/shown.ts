import { inspect } from "node:util";

/** Everything that somebody may see who prints, logs or copies a value. */
export function shown(value: unknown): string {
  const seen = new WeakSet();
  const json = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null) {
      return typeof inner === "bigint" ? String(inner) : inner;
    }
    if (seen.has(inner)) return undefined;
    seen.add(inner);
    return inner;
  });
  const copy = typeof value === "object" ? { ...value } : value;
  return [value, copy].map((one) => inspect(one, { depth: 20 })).join("\n") + json;
}
