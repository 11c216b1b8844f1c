import { covers, type Position } from "./position.ts";

interface Waiter {
  readonly wanted: Position;
  readonly wake: () => void;
}

/**
 * One server since its last start, as far as it is known: all connections that lead to it share
 * this, so that what one learns all know.
 */
export class ServerState {
  /** Tells servers, and starts of one server, apart. */
  readonly run: string;
  /** When it was started; empty: it does not say. */
  readonly startedAt: string;
  readonly maker: Position["maker"] | undefined;
  /** The furthest position that it has shown to have reached. */
  #reached: Position | undefined;
  /** When it was last asked, by `performance.now()`; 0: never. */
  checkedAt = 0;
  /** The timeline that it was shown to be on. */
  timeline: number;
  /** It was promoted, and has not said yet to which timeline: it is a newer one than this. */
  timelineIsOld = false;
  /** It is a standby, and replays what another server writes. */
  replays: boolean;
  readonly segmentBytes: number;
  #waiters: Waiter[] = [];

  constructor(facts: {
    readonly run: string;
    readonly startedAt: string;
    readonly maker: Position["maker"] | undefined;
    readonly timeline: number;
    readonly replays: boolean;
    readonly segmentBytes: number;
  }) {
    this.run = facts.run;
    this.startedAt = facts.startedAt;
    this.maker = facts.maker;
    this.timeline = facts.timeline;
    this.replays = facts.replays;
    this.segmentBytes = facts.segmentBytes;
  }

  get reached(): Position | undefined {
    return this.#reached;
  }

  covers(wanted: Position): boolean {
    return covers(this.#reached, wanted);
  }

  /** It has shown that it has come this far. */
  learn(position: Position): void {
    if (!covers(this.#reached, position)) this.#reached = position;
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ wanted }) => !covers(position, wanted));
    for (const waiter of waiting) if (covers(position, waiter.wanted)) waiter.wake();
  }

  /** Nothing that it has shown counts any more: its role or its timeline is another one. */
  forget(): void {
    this.#reached = undefined;
    this.checkedAt = 0;
  }

  /**
   * Calls back once it has come that far.
   *
   * @returns stops waiting
   */
  whenReached(wanted: Position, wake: () => void): () => void {
    const waiter = { wanted, wake };
    this.#waiters.push(waiter);
    return () => {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
    };
  }

  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }
}
