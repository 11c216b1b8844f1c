import { Line } from "./line.ts";
import type { ServerState } from "./server-state.ts";
import { type Carried, openToken, sealToken } from "./token.ts";

/** A line of work that sees its own writes, and never goes back in time. */
export interface Session {
  /**
   * What another process must be told so that it sees what this session has seen: opaque, URL-safe,
   * shorter than 130 characters. `undefined`: there is nothing to see.
   */
  readonly token: string | undefined;
  /** Whether something was written in it, so that its token is worth carrying on. */
  readonly changed: boolean;
  /**
   * The session must see what this token stands for, too.
   *
   * @returns whether it was a token, and a genuine one; anything else is ignored
   */
  see(token: string | null | undefined): boolean;
  /** Resolves when no write of the session is under way. */
  settled(): Promise<void>;
  /**
   * Calls back whenever a write has changed the token.
   *
   * @returns stops that
   */
  onChange(listener: (session: Session) => void): () => void;
}

/** What a session needs of the pool that opened it. */
export interface SessionHome {
  /** The system identifier of the cluster, as far as it is known. */
  readonly system: string | undefined;
  /** The key of the cluster's pools: sessions count for these alone. */
  readonly cluster: object;
  /** The first one signs tokens, and each is accepted. */
  readonly secrets: readonly string[];
  /** For how long a time window holds at most, in milliseconds. */
  readonly windowMillis: number;
}

/** A session as routing sees it. */
export class SessionLine implements Session {
  readonly line = new Line(() => this.#tell());
  /** The session around it, of the same cluster, which must see its writes, too. */
  readonly outer: SessionLine | undefined;
  /** The lines that its writes count for. */
  readonly lines: readonly Line[];
  /** A reader that has shown it something, when it is not certain how far that had come. */
  shownBy: ServerState | undefined;
  /** The reader that served it last. */
  lastReader: ServerState | undefined;
  readonly #home: SessionHome;
  readonly #listeners = new Set<(session: Session) => void>();

  constructor(home: SessionHome, outer: SessionLine | undefined) {
    this.#home = home;
    this.outer = outer;
    this.lines = [this.line, ...(outer?.lines ?? [])];
  }

  /** Tells the sessions of one cluster from those of another. */
  get cluster(): object {
    return this.#home.cluster;
  }

  get token(): string | undefined {
    const carried = this.#carried();
    return carried === undefined ? undefined : sealToken(carried, this.#home.secrets);
  }

  get changed(): boolean {
    return this.line.writes > 0 || this.line.pending;
  }

  see(token: string | null | undefined): boolean {
    const opened = openToken(token, this.#home.secrets);
    if (opened === undefined) return false;
    const { carried, signed } = opened;
    if (carried.kind === "position") this.line.raise(carried.position, signed);
    else if (carried.kind === "unknown") this.line.doubt();
    else {
      const { windowMillis } = this.#home;
      const left = Math.min(carried.until - Date.now(), windowMillis);
      if (left > 0) this.line.openWindow(left);
    }
    return true;
  }

  settled(): Promise<void> {
    return this.line.settled();
  }

  onChange(listener: (session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this);
  }

  #carried(): Carried | undefined {
    const { position, pending, unknown, doubtful, windowMillis } = this.line;
    const system = this.#home.system ?? "";
    if (pending || unknown || doubtful) return { kind: "unknown", system };
    if (windowMillis > 0) return { kind: "window", system, until: Date.now() + windowMillis };
    return position === undefined ? undefined : { kind: "position", position };
  }
}
