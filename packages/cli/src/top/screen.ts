import type { WriteStream } from "node:tty";
import { type Line, painted } from "./line.ts";

const alternate = { on: "\x1b[?1049h", off: "\x1b[?1049l" };
const cursor = { on: "\x1b[?25h", off: "\x1b[?25l" };
/** Whether what is too long goes on in the next line: a character may be wider than is known here. */
const wrapping = { on: "\x1b[?7h", off: "\x1b[?7l" };
const clear = "\x1b[2J";
const clearToEnd = "\x1b[K";
const rowAt = (row: number): string => `\x1b[${row};1H`;

/** The alternate screen of a terminal, drawn in place. */
export class Screen {
  readonly #output: WriteStream;
  readonly #coloured: boolean;
  #isOpen = false;
  #drawn: readonly string[] = [];
  readonly #close = (): void => this.close();

  constructor(output: WriteStream, coloured: boolean) {
    this.#output = output;
    this.#coloured = coloured;
  }

  get size(): { readonly width: number; readonly height: number } {
    const { columns = 80, rows = 24 } = this.#output;
    return { width: columns || 80, height: rows || 24 };
  }

  open(): void {
    this.#isOpen = true;
    this.#output.write(alternate.on + cursor.off + wrapping.off + clear);
    // However the process ends, the terminal is as it was.
    process.once("exit", this.#close);
  }

  /** Nothing on it is known to be as it was drawn. */
  forget(): void {
    this.#drawn = [];
    if (this.#isOpen) this.#output.write(clear);
  }

  /** Draws the lines that differ from those that are there. */
  draw(lines: readonly Line[]): void {
    if (!this.#isOpen) return;
    const rows = lines.map((line) => painted(line, this.#coloured));
    const changed = rows.flatMap((row, at) =>
      // Cleared first: behind a full line the cursor still stands on its last character.
      row === this.#drawn[at] ? [] : [rowAt(at + 1) + clearToEnd + row],
    );
    this.#drawn = rows;
    if (changed.length > 0) this.#output.write(changed.join(""));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.#close);
    this.#output.write(wrapping.on + cursor.on + alternate.off);
  }
}
