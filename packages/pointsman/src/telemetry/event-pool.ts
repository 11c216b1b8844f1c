import type { StatementEvent } from "./channels.ts";

/**
 * Which pool an event is of. Registered, so that copies of this library in one process agree, and
 * not enumerable, so that whoever prints an event does not print a pool.
 */
const key = Symbol.for("pointsman.pool");

export function markPool(event: StatementEvent, pool: object): StatementEvent {
  return Object.defineProperty(event, key, { value: pool });
}

export function poolOf(event: StatementEvent): unknown {
  return Reflect.get(event, key);
}
