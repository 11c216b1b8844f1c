import { covers, later, type Position } from "./position.ts";

/** What became of a write: where the writer stood behind it, or why there is no position. */
export type Settled =
  | Position
  /** Something may have been written, and nobody knows up to where. */
  | "lost"
  /** It has changed nothing. */
  | "nothing"
  /** There are no positions: for so many milliseconds readers may lack it. */
  | number;

/** What a line of work must see: its own writes, and what it has been told of. */
export class Line {
  #position: Position | undefined;
  #trusted = true;
  /** When the position was learnt, by `performance.now()`. */
  #since = 0;
  /** Writes whose position is not known yet. */
  #pending = 0;
  /** Writes whose position was lost, and how many of them a later position covers. */
  #lost = 0;
  #covered = 0;
  /** Until when a write may be missing on readers, where there are no positions. */
  #windowEnd = 0;
  #writes = 0;
  #doubtful = false;
  #whenSettled: (() => void)[] = [];
  readonly #onWrite: (() => void) | undefined;

  /** @param onWrite - called when it is known what became of a write */
  constructor(onWrite?: () => void) {
    this.#onWrite = onWrite;
  }

  /** What must have been replayed where the line reads. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Whether the position comes from a server, or from a token that is signed. */
  get trusted(): boolean {
    return this.#trusted;
  }

  get since(): number {
    return this.#since;
  }

  /** Writes that have changed something, or may have. */
  get writes(): number {
    return this.#writes;
  }

  get pending(): boolean {
    return this.#pending > 0;
  }

  /** Something was written, and nobody knows up to where: only the writer shows it for certain. */
  get unknown(): boolean {
    return this.#lost > this.#covered;
  }

  /** A token says that something was written, and not up to where: the writer shall be asked. */
  get doubtful(): boolean {
    return this.#doubtful;
  }

  doubt(): void {
    this.#doubtful = true;
  }

  /** Milliseconds for which readers may still lack a write, where there are no positions. */
  get windowMillis(): number {
    return this.#windowEnd === 0 ? 0 : Math.max(0, this.#windowEnd - performance.now());
  }

  /**
   * A write is sent: until it is settled, only the writer will do.
   *
   * @returns the mark to settle it with
   */
  begin(): number {
    this.#pending += 1;
    return this.#lost;
  }

  /** Ends what was begun. A position covers what was lost before its mark. */
  settle(result: Settled, mark: number): void {
    this.#pending -= 1;
    if (result === "lost") {
      this.lose();
    } else if (typeof result === "number") {
      this.openWindow(result);
    } else if (result !== "nothing") {
      this.cover(result, mark);
    }
    if (result !== "nothing") {
      this.#writes += 1;
      this.#onWrite?.();
    }
    if (this.#pending > 0) return;
    for (const resolve of this.#whenSettled.splice(0)) resolve();
  }

  /** Resolves when no write is under way. */
  settled(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenSettled.push(resolve));
  }

  /** What was lost up to now; a position that is asked from now on covers it. */
  get mark(): number {
    return this.#lost;
  }

  /** A position that was asked when the line stood at `mark`. */
  cover(position: Position, mark: number): void {
    if (mark > this.#covered) this.#covered = mark;
    this.#doubtful = false;
    const before = this.#position;
    // The writer was asked after everything that the line knew: what is of another kind is covered.
    if (before !== undefined && later(before, position) === undefined) this.replace(position);
    else this.raise(position);
  }

  /** Something was written, and its position cannot be told. */
  lose(): void {
    this.#lost += 1;
  }

  /** Where no position can be had: readers may lack a write for that long. */
  openWindow(millis: number): void {
    this.#covered = this.#lost;
    this.#windowEnd = Math.max(this.#windowEnd, performance.now() + millis);
  }

  /**
   * The line must see this, too.
   *
   * @param trusted - it does not come from a client
   */
  raise(position: Position, trusted = true): void {
    const before = this.#position;
    if (before !== undefined && covers(before, position)) return;
    const after = before === undefined ? position : later(before, position);
    if (after === before) return;
    if (after === undefined) {
      // Of another kind: the writer is asked anew, and that covers both.
      this.lose();
      return;
    }
    this.replace(after, trusted);
  }

  /** Forgets the position, or puts another in its place. */
  replace(position: Position | undefined, trusted = true): void {
    this.#position = position;
    this.#trusted = trusted;
    this.#since = performance.now();
  }

  /** Takes over all that another line must see. */
  join(other: Line): void {
    if (other.position !== undefined) this.raise(other.position);
    if (other.unknown) this.lose();
  }
}
