import { ConfigError } from "../errors.ts";
import type { TokenStore } from "./token-store.ts";

export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/** What is used of a client of the package `redis`; a cluster client has it, too. */
export interface RedisClient {
  lRange(key: string, start: number, stop: number): Promise<string[]>;
  multi(): RedisTransaction;
}

/** What is used of a transaction of the package `redis`. */
export interface RedisTransaction {
  lRem(key: string, count: number, element: string): RedisTransaction;
  lPush(key: string, element: string): RedisTransaction;
  lTrim(key: string, start: number, stop: number): RedisTransaction;
  expire(key: string, seconds: number): RedisTransaction;
  exec(): Promise<unknown>;
}

export interface RedisTokenStoreOptions {
  /** What the keys begin with; the user's id follows. Default: `"pointsman:token:"`. */
  readonly prefix?: string | undefined;
}

/**
 * The most tokens that are kept of a user. A token is only pushed out by so many that reach Redis
 * after it, and none of them includes it: that many responses of one user would have to overtake it.
 */
const keeps = 32;

/**
 * Keeps the tokens of users in Redis, so that another device of a user sees what the first has
 * written. Redis cannot tell which of two tokens is newer, so it keeps a short list of them: a new
 * one displaces those that it includes, and the session of the next request sees all that are left.
 * Each call is one round trip. The list expires with its last token.
 *
 * @param client - a connected client of the package `redis`; whoever made it closes it. With its
 * option `disableOfflineQueue` a request does not wait for a Redis that is gone.
 * @throws ConfigError for an empty prefix
 *
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { redisTokenStore } from "pointsman/redis";
 *
 * const client = createClient({ url: "redis://127.0.0.1:6379", disableOfflineQueue: true });
 * const store = redisTokenStore(client, { prefix: "shop:token:" });
 * // await client.connect(), and give the store to sessionPerRequest(pool, { store, userId })
 * ```
 */
export function redisTokenStore(
  client: RedisClient,
  { prefix = "pointsman:token:" }: RedisTokenStoreOptions = {},
): TokenStore {
  if (prefix === "") throw new ConfigError("prefix", "prefix must not be empty.");
  return {
    get: (userId) => client.lRange(prefix + userId, 0, -1),
    async set(userId, token, { maxAgeSeconds, replaces }) {
      const key = prefix + userId;
      const transaction = client.multi();
      for (const replaced of replaces) transaction.lRem(key, 0, replaced);
      await transaction
        .lRem(key, 0, token)
        .lPush(key, token)
        .lTrim(key, 0, keeps - 1)
        .expire(key, maxAgeSeconds)
        .exec();
    },
  };
}
