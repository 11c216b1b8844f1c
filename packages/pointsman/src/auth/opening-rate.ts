/**
 * Spreads the opening of connections: a short burst at once, then so many a second, at moments that
 * differ from process to process, so that those that lost their connections together do not come
 * back together. In no second it is more than the rate and a burst, also when the event loop was
 * held up and all are late.
 */
export class OpeningRate {
  readonly #intervalMillis: number;
  readonly #burst: number;
  readonly #waiting = new Set<() => void>();
  /** Turns that can be taken now. */
  #turns: number;
  #countedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond - how many a second */
  constructor(perSecond: number) {
    this.#intervalMillis = 1000 / perSecond;
    this.#burst = Math.max(1, Math.floor(perSecond / 10));
    this.#turns = this.#burst;
  }

  /**
   * Calls `open` when it is its turn: at once, if that is now.
   *
   * @returns gives the turn up, if it has not come yet
   */
  wait(open: () => void): () => void {
    this.#count();
    if (this.#waiting.size === 0 && this.#turns >= 1) {
      this.#turns -= 1;
      open();
      return () => {};
    }
    this.#waiting.add(open);
    this.#schedule();
    return () => {
      this.#waiting.delete(open);
    };
  }

  /** Turns that nobody takes add up to a burst at most. */
  #count(): void {
    const now = performance.now();
    const turns = this.#turns + (now - this.#countedAt) / this.#intervalMillis;
    this.#turns = Math.min(this.#burst, turns);
    this.#countedAt = now;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    const missing = Math.max(0, 1 - this.#turns) * this.#intervalMillis;
    this.#timer = setTimeout(() => this.#next(), missing + Math.random() * this.#intervalMillis);
  }

  #next(): void {
    this.#timer = undefined;
    this.#count();
    for (const open of this.#waiting) {
      if (this.#turns < 1) break;
      this.#turns -= 1;
      this.#waiting.delete(open);
      open();
    }
    this.#schedule();
  }
}
