import { waitedInVain } from "./connection-loss.ts";
import { queueFull } from "./queue-full.ts";

/** Bounds how many may do something at the same time. Others wait, in order. */
export class Quota {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #whenFree: (() => void) | undefined;

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Takes a place, now or when one is free.
   *
   * @param deadline - until when, by `performance.now()`; `undefined`: any time
   * @param callback - called with an error when no place was free in time, or too many wait for one
   */
  take(deadline: number | undefined, callback: (problem: Error | undefined) => void): void {
    if (this.#taken < this.#most) {
      this.#taken += 1;
      callback(undefined);
      return;
    }
    if (this.#waiting.length >= this.#mostWaiting) {
      callback(queueFull(this.#mostWaiting));
      return;
    }
    const turn = (): void => {
      clearTimeout(timer);
      callback(undefined);
    };
    const late =
      deadline === undefined
        ? undefined
        : (): void => {
            this.#waiting.splice(this.#waiting.indexOf(turn), 1);
            callback(waitedInVain());
          };
    const timer = late && setTimeout(late, Math.max(0, (deadline as number) - performance.now()));
    this.#waiting.push(turn);
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Gives a place back, to whoever waits for one. */
  giveBack(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#taken -= 1;
    if (this.#taken === 0) this.#whenFree?.();
  }

  /** Resolves once nobody has a place, or waits for one. */
  async free(): Promise<void> {
    if (this.#taken === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenFree = resolve;
    });
  }
}
