import type { MeterProvider } from "@opentelemetry/api";

/** On the global object, so that an ESM and a CommonJS copy in one process share it. */
const home = Symbol.for("pointsman.opentelemetry.v1");

/** What pools are called whose metrics go to a provider: those of two with one name would be mixed. */
export function namesTaken(provider: MeterProvider): Set<string> {
  const holder = globalThis as { [home]?: WeakMap<MeterProvider, Set<string>> };
  holder[home] ??= new WeakMap();
  const there = holder[home].get(provider);
  if (there !== undefined) return there;
  const none = new Set<string>();
  holder[home].set(provider, none);
  return none;
}
