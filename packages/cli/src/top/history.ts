import { type Figures, figuresOf } from "./figures.ts";
import type { Part, Reading } from "./reading.ts";

/** How far latencies and slowest statements look back, in milliseconds. */
const windowMillis = 10_000;

/** How long it is told who is gone, in milliseconds. */
const goneMillis = 30_000;

/** The readings of late, and what has become of those who told them. */
export class History {
  #readings: readonly Reading[] = [];
  readonly #seen = new Map<string, Part>();
  #gone: readonly { readonly name: string; readonly at: number }[] = [];

  add(reading: Reading): void {
    const { at, parts, silent, leftOut } = reading;
    const from = at - windowMillis;
    // One of them may be older: an interval may be longer.
    const older = this.#readings.findLastIndex((one) => one.at <= from);
    this.#readings = [...this.#readings.slice(Math.max(0, older)), reading];
    const present = new Set(parts.map(({ id }) => id));
    const unread = new Set([...silent, ...leftOut.map(({ who }) => who)]);
    const names = new Set([...parts.map(nameOf), ...unread]);
    for (const [id, part] of this.#seen) {
      if (present.has(id) || unread.has(String(part.pid))) continue;
      this.#seen.delete(id);
      const name = nameOf(part);
      if (!names.has(name)) this.#gone = [...this.#gone, { name, at }];
    }
    for (const part of parts) this.#seen.set(part.id, part);
    this.#gone = this.#gone.filter((one) => at - one.at < goneMillis && !names.has(one.name));
  }

  /** When the last reading was taken, by `performance.now()`. */
  get lastAt(): number | undefined {
    return this.#readings.at(-1)?.at;
  }

  /** Processes that have gone a moment ago. */
  get gone(): readonly string[] {
    return [...new Set(this.#gone.map(({ name }) => name))];
  }

  /** @returns `undefined` before the first reading */
  figures(): Figures | undefined {
    const [now, last] = this.#readings.toReversed();
    return now === undefined ? undefined : figuresOf(now, last, last && this.#readings[0]);
  }
}

const nameOf = ({ pid, id }: Part): string => (pid === undefined ? id : String(pid));
