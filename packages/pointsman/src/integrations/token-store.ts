/**
 * Keeps the tokens of users where all processes find them, so that another device of a user sees
 * what the first has written. `redisTokenStore()` of `pointsman/redis` is one.
 */
export interface TokenStore {
  /**
   * The tokens that were kept for a user and have not expired: none, one, or several, in any order.
   */
  get(userId: string): Promise<string | readonly string[] | undefined>;
  /**
   * Keeps a token of a user. Responses of one user overtake each other, so it must not displace a
   * token that may be newer: keep several, except those that are named.
   */
  set(userId: string, token: string, options: TokenStoreSetOptions): Promise<void>;
}

export interface TokenStoreSetOptions {
  /** How long the token is of use, in seconds. */
  readonly maxAgeSeconds: number;
  /** Tokens that `get` has given and that the new one includes: they can go. */
  readonly replaces: readonly string[];
}
