import type { Carrying } from "./carry-options.ts";
import { replaceCookies, type SetCookie, type TokenCookie } from "./cookie.ts";
import type { Session } from "./session-host.ts";
import { within } from "./within.ts";

/** Above so many cookies a response puts one in their place, though nothing may have changed. */
const crowd = 8;

/** What a request has brought. */
export interface Arrival<Request> {
  readonly request: Request;
  readonly session: Session;
  readonly cookies: readonly TokenCookie[];
  /** What the store had of its user. */
  readonly kept: readonly string[];
}

/** The store, as a trip sees it. Nothing of it ever throws. */
export interface Keeper<Request> {
  userOf(request: Request): string | undefined;
  keep(user: string, token: string, replaces: readonly string[]): Promise<void>;
  failed(error: unknown): void;
}

/** What goes onto a response. */
export interface Outgoing {
  readonly cookies: readonly SetCookie[];
  /** Name and value of another header. */
  readonly header: readonly [string, string] | undefined;
}

/** One request and its response: a session opened for it, and the way of its token. */
export class Trip<Request> {
  readonly session: Session;
  readonly #arrival: Arrival<Request>;
  readonly #carrying: Carrying<Request>;
  readonly #keeper: Keeper<Request>;
  #left = false;
  /** Writes have ended since the headers left, and are not seen to yet. */
  #late = false;
  #following = false;
  /** The token that the store was given last. */
  #given: string | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(arrival: Arrival<Request>, carrying: Carrying<Request>, keeper: Keeper<Request>) {
    this.session = arrival.session;
    this.#arrival = arrival;
    this.#carrying = carrying;
    this.#keeper = keeper;
  }

  /** Whether there is something to carry that the client does not know yet. */
  get changed(): boolean {
    return this.session.changed;
  }

  /**
   * Waits until no write is under way and the store has the token, but for `timeoutMillis` at most.
   * Call it before {@link Trip.leave} where the response can be made to wait.
   */
  async settle(): Promise<void> {
    const { timeoutMillis } = this.#carrying;
    const deadline = performance.now() + timeoutMillis;
    // A write that takes longer travels as one whose position is not known.
    await within(this.session.settled(), timeoutMillis, "A write").catch(() => {});
    await this.kept(Math.max(0, deadline - performance.now()));
  }

  /** Waits until the store has the token, for that long at most. */
  async kept(milliseconds = this.#carrying.timeoutMillis): Promise<void> {
    await within(this.#keep(), milliseconds, "The store").catch(() => {});
  }

  /**
   * What the response carries, told once: call it when its headers leave. Writes that end later are
   * late.
   */
  leave(): Outgoing | undefined {
    if (this.#left) return undefined;
    this.#left = true;
    this.session.onChange(() => {
      this.#late = true;
      if (!this.#following) void this.#follow();
    });
    void this.#keep();
    const { cookies } = this.#arrival;
    const { cookie, header } = this.#carrying;
    const { changed } = this;
    if (!changed && cookies.length <= crowd) return undefined;
    const { token } = this.session;
    if (token === undefined) return undefined;
    return {
      cookies: cookie === undefined ? [] : replaceCookies(token, cookies, cookie),
      header: header === undefined || !changed ? undefined : [header, token],
    };
  }

  /** Sees to what is written when the headers have left. */
  async #follow(): Promise<void> {
    this.#following = true;
    while (this.#late) {
      this.#late = false;
      await this.session.settled();
      // Another write has ended meanwhile: one turn for all.
      if (this.#late) continue;
      await this.#keep();
      this.#tell();
    }
    this.#following = false;
  }

  #tell(): void {
    const { token } = this.session;
    if (token === undefined) return;
    try {
      this.#carrying.onLateWrite?.({ token, request: this.#arrival.request });
    } catch (error) {
      this.#keeper.failed(error);
    }
  }

  #keep(): Promise<void> {
    const { request, kept } = this.#arrival;
    const user = this.changed ? this.#keeper.userOf(request) : undefined;
    if (user === undefined) return this.#keeping;
    const { token } = this.session;
    if (token === undefined || token === this.#given) return this.#keeping;
    const replaces = this.#given === undefined ? kept : [...kept, this.#given];
    this.#given = token;
    this.#keeping = this.#keeper.keep(user, token, replaces);
    return this.#keeping;
  }
}
