import type { Pool } from "pointsman";

export interface Session {
  readonly token: string | undefined;
  see(token: string): void;
  settled(): Promise<void>;
}

/** What a pool with sessions has. */
interface Sessions {
  session<T>(
    fn: (session: Session) => Promise<T>,
    options: { readonly after: string | null },
  ): Promise<T>;
}

/** Whether this build of the library knows sessions; without them nothing is guarded. */
export function hasSessions(pool: object): pool is Sessions {
  return "session" in pool && typeof pool.session === "function";
}

/** Runs `fn` in a session of the pool, from where a token stands. */
export function inSession<T>(
  pool: Pool,
  after: string | undefined,
  fn: (session: Session) => Promise<T>,
): Promise<T> {
  if (hasSessions(pool)) return pool.session(fn, { after: after ?? null });
  return fn({ token: undefined, see() {}, settled: async () => {} });
}
