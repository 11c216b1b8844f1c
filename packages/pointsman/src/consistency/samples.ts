import { covers, type Position } from "./position.ts";

interface Sample {
  readonly position: Position;
  /** When it was asked, by `performance.now()`: everything written before is part of it. */
  readonly at: number;
}

const most = 256;
const spacingMillis = 20;

/** Where the writer stood at some moments of the recent past. */
export class Samples {
  #samples: Sample[] = [];

  add(position: Position, at: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < spacingMillis) return;
    if (this.#samples.length >= most) this.#samples = this.#samples.slice(most / 2);
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

  /** The moment of the latest sample. */
  get latest(): number | undefined {
    return this.#samples.at(-1)?.at;
  }
}
