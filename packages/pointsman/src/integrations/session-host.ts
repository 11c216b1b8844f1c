/** What carrying a token needs of a session. `pool.session()` gives one that has it. */
export interface Session {
  /** How far the session has seen, for others to start from; `undefined`: nothing to carry. */
  readonly token: string | undefined;
  /** Whether something was written in it, so that its token is worth carrying on. */
  readonly changed: boolean;
  /** Makes the session see what that token has seen, too. What is no token is ignored. */
  see(token: string): void;
  /** Resolves when no write of the session is under way any more. */
  settled(): Promise<void>;
  /**
   * Calls the listener whenever a write has changed `token`.
   *
   * @returns a function that ends it
   */
  onChange(listener: (session: Session) => void): () => void;
}

/** What opens sessions: a `Pool`. */
export interface SessionHost {
  /** Runs `fn`, and all that it calls, in a session of its own, and returns what `fn` returns. */
  session<T>(fn: (session: Session) => T): T;
}
