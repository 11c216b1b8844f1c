/**
 * Which pool an event is of. Registered, so that copies of this library in one process agree, and
 * not enumerable, so that whoever prints an event does not print a pool.
 */
const key = Symbol.for("pointsman.pool");

export function markPool<E extends object>(event: E, pool: object): E {
  return Object.defineProperty(event, key, { value: pool });
}

export function poolOf(event: object): unknown {
  return Reflect.get(event, key);
}
