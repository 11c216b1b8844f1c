import { covers, type Position, sameHistory } from "./position.ts";

interface Sample {
  readonly position: Position;
  /** When it was asked, by `performance.now()`: everything written before is part of it. */
  readonly at: number;
}

const most = 256;
const spacingMillis = 20;

/** Where the writer stood at some moments: many of the last seconds, and fewer the older they are. */
export class Samples {
  #samples: Sample[] = [];

  add(position: Position, at: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < spacingMillis) return;
    if (this.#samples.length >= most) {
      // The oldest one is kept: how far back they go tells how much can be said.
      this.#samples = this.#samples.filter((_, place) => place >= most / 2 || place % 2 === 0);
    }
    this.#samples.push({ position, at });
  }

  /** The oldest position that is not older than a moment: who covers it is as fresh as that. */
  since(moment: number): Position | undefined {
    return this.#samples.find(({ at }) => at >= moment)?.position;
  }

  /** Up to which moment somebody is known to have seen everything. */
  coveredUntil(reached: Position): number | undefined {
    return this.#samples.findLast(({ position }) => covers(reached, position))?.at;
  }

  /**
   * For how long the writer had gone on, when it was seen last, beyond what somebody has seen: that
   * long at least, in milliseconds.
   */
  beyond(reached: Position | undefined): number {
    const last = this.#samples.at(-1);
    if (last === undefined) return 0;
    const until =
      (reached && this.coveredUntil(reached)) ??
      // What was written before a promotion tells nothing of who follows the new timeline.
      this.#samples.find(({ position }) => sameHistory(position, last.position))?.at;
    return until === undefined ? 0 : last.at - until;
  }

  /** The moment of the latest sample. */
  get latest(): number | undefined {
    return this.#samples.at(-1)?.at;
  }
}
