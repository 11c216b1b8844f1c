import type { TokenStore } from "../../../src/integrations/token-store.ts";

/** A store that keeps all it is given, and notes it. */
export class MemoryStore implements TokenStore {
  readonly tokens = new Map<string, string[]>();
  readonly maxAges: number[] = [];

  async get(userId: string): Promise<readonly string[] | undefined> {
    return this.tokens.get(userId);
  }

  async set(
    userId: string,
    token: string,
    options: { readonly maxAgeSeconds: number; readonly replaces: readonly string[] },
  ): Promise<void> {
    const others = (this.tokens.get(userId) ?? []).filter((one) => !options.replaces.includes(one));
    this.tokens.set(userId, [...others, token]);
    this.maxAges.push(options.maxAgeSeconds);
  }
}
