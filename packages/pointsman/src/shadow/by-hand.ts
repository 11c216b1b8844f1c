import { Pool as PgPool, type PoolClient } from "pg";
import type { Target } from "../routing/route.ts";
import type { AcquireCallback, SettlingPool } from "../servers/settling-pool.ts";
import type { Shadow } from "./shadow.ts";

/**
 * The pool of one side for who chooses by hand, in shadow mode: it is the pool itself, and what is
 * sent through it is known to have been meant for that side.
 */
export function poolByHand<P extends SettlingPool>(pool: P, side: Target, shadow: Shadow): P {
  const connect = (callback?: AcquireCallback): unknown => {
    if (callback === undefined) {
      return pool.connect().then((client) => meant(client));
    }
    return pool.connect((error, client, release) => {
      callback(error, client && meant(client), release);
    });
  };
  const meant = (client: PoolClient): PoolClient => {
    shadow.conversation(client).byHand = side;
    return client;
  };
  return new Proxy(pool, {
    get(target, key) {
      if (key === "connect") return connect;
      // pg-pool's own takes a client from `connect`, above.
      if (key === "query") return PgPool.prototype.query;
      const value: unknown = Reflect.get(target, key, target);
      const isMethod = typeof value === "function" && !Object.hasOwn(target, key);
      return isMethod && key !== "constructor" ? value.bind(target) : value;
    },
  });
}
