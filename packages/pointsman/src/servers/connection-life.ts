import type { Target } from "../routing/route.ts";
import type { EvictionReason } from "../telemetry/eviction-reasons.ts";
import { publish } from "../telemetry/publish.ts";

/**
 * The life of one connection, as those hear of it who listen for `connect` and `eviction`. Whoever
 * is about to end it says why before: what is said first holds.
 */
export class ConnectionLife {
  #owner: object | undefined;
  readonly #role: Target;
  readonly #endpoint: string;
  /** When it was open, by `performance.now()`; 0: it never was, or is not any more. */
  #openedAt = 0;
  #ending: { readonly reason: EvictionReason; readonly error: unknown } | undefined;

  /** @param owner - the pool that it is of; absent: nobody hears of it */
  constructor(owner: object | undefined, role: Target, endpoint: string) {
    this.#owner = owner;
    this.#role = role;
    this.#endpoint = endpoint;
  }

  /** It is none of its pool's connections, but looks at something beside them. */
  hide(): void {
    this.#owner = undefined;
  }

  opened(durationMs: number): void {
    this.#openedAt = performance.now();
    this.#tellOfConnect(durationMs, undefined);
  }

  /** It could not be opened. */
  failed(durationMs: number, error: Error): void {
    this.#tellOfConnect(durationMs, error);
  }

  #tellOfConnect(durationMs: number, error: Error | undefined): void {
    if (this.#owner === undefined) return;
    publish("connect", this.#owner, () => ({
      role: this.#role,
      endpoint: this.#endpoint,
      durationMs,
      ...(error === undefined ? {} : { error }),
    }));
  }

  /** @param error - what went wrong with it, where something did */
  ends(reason: EvictionReason, error?: unknown): void {
    this.#ending ??= { reason, error };
  }

  /** Its pool has let go of it, or it is closed. */
  over(): void {
    const openedAt = this.#openedAt;
    if (openedAt === 0) return;
    this.#openedAt = 0;
    if (this.#owner === undefined) return;
    // Nobody here has ended it, and the server has not either: its user has.
    const { reason, error } = this.#ending ?? { reason: "failed", error: undefined };
    publish("eviction", this.#owner, () => ({
      role: this.#role,
      endpoint: this.#endpoint,
      reason,
      ageMs: performance.now() - openedAt,
      ...(error === undefined ? {} : { error }),
    }));
  }
}
