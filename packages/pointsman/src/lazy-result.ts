import { types } from "node:util";

/**
 * What a scope gives back for what its callback has returned. Queries that would be sent only when
 * somebody waits for them (those of Drizzle, Knex, Objection, Prisma and MikroORM) have been sent:
 * it is the promise of their answer.
 */
export type Sent<T> = T extends PromiseLike<infer R> ? Promise<R> : T;

type Anything = Record<PropertyKey, unknown>;

/**
 * Lets what a callback has returned do its work in the callback's scope, where it does any.
 *
 * A query that is lazy is sent at once: whoever waits for it is outside of the scope by then. An
 * async iterator, such as a stream of Kysely, stays as lazy as it is, and each step of it is made
 * inside. Promises are what they are: their work has begun inside.
 *
 * @param inside - runs a function in the scope
 */
export function sendInside<T>(result: T, inside: <R>(fn: () => R) => R): T {
  if (types.isPromise(result) || !isObject(result)) return result;
  const { then } = result;
  // Not by resolving a promise with it: that would ask it later.
  if (typeof then === "function") {
    const sent = inside(
      () =>
        new Promise((resolve, reject) => {
          then.call(result, resolve, reject);
        }),
    );
    return sent as T;
  }
  const isIterator = Symbol.asyncIterator in result && typeof result["next"] === "function";
  return isIterator ? stepInside(result, inside) : result;
}

function isObject<T>(value: T): value is T & Anything {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** The same iterator, whose methods run in the scope. */
function stepInside<T extends Anything>(iterator: T, inside: <R>(fn: () => R) => R): T {
  // Of an object without fields of its own: what a frozen one has could not be got otherwise.
  const stepping: T = new Proxy(Object.create(iterator) as T, {
    get(_, key) {
      const value: unknown = Reflect.get(iterator, key, iterator);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const answer: unknown = inside(() => Reflect.apply(value, iterator, args));
        return answer === iterator ? stepping : answer;
      };
    },
  });
  return stepping;
}
