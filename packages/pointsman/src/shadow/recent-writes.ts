import type { Line } from "../consistency/line.ts";

/** Writes that are under way, for the lines that must see them. */
export interface WritesUnderWay {
  readonly lines: readonly Line[];
  over: boolean;
}

interface Recent {
  /** Writes that have no answer yet. */
  pending: number;
  /** When the last one was answered, by `performance.now()`. */
  writtenAt: number | undefined;
}

/** When each line of work has written last: without asking any server for a position. */
export class RecentWrites {
  readonly #lines = new WeakMap<Line, Recent>();

  #of(line: Line): Recent {
    let recent = this.#lines.get(line);
    if (recent === undefined) {
      recent = { pending: 0, writtenAt: undefined };
      this.#lines.set(line, recent);
    }
    return recent;
  }

  /** A write is sent. It is to be ended, whatever becomes of it. */
  begin(lines: readonly Line[]): WritesUnderWay {
    for (const line of lines) this.#of(line).pending += 1;
    return { lines, over: false };
  }

  /** A write is answered, or was never sent. May be called again. */
  end(writes: WritesUnderWay): void {
    if (writes.over) return;
    writes.over = true;
    for (const line of writes.lines) this.#of(line).pending -= 1;
  }

  /** Something that these lines must see can be seen from now on. */
  written(lines: Iterable<Line>): void {
    const now = performance.now();
    for (const line of lines) this.#of(line).writtenAt = now;
  }

  isPending(line: Line): boolean {
    return (this.#lines.get(line)?.pending ?? 0) > 0;
  }

  /** Milliseconds since the last write of a line; `undefined`: there was none. */
  since(line: Line): number | undefined {
    const writtenAt = this.#lines.get(line)?.writtenAt;
    return writtenAt === undefined ? undefined : performance.now() - writtenAt;
  }
}
