import { type Format, paint } from "../terminal.ts";
import { fitted, harmless, widthOf } from "./text-width.ts";

/** A piece of a line, all of it in one format. */
export interface Piece {
  readonly text: string;
  readonly format?: Format | undefined;
}

/** A line of the screen, of exactly so many columns. */
export type Line = readonly Piece[];

/** The pieces that fit, and blanks behind them. Nothing in it steers the terminal. */
export function lineOf(pieces: readonly Piece[], width: number): Line {
  const line: Piece[] = [];
  let left = width;
  for (const { text: written, format } of pieces) {
    const text = harmless(written);
    const own = widthOf(text);
    if (own > left) {
      // `fitted` trims, and a piece may begin with the blanks between columns.
      const blanks = Math.min(left, text.length - text.trimStart().length);
      const cut = " ".repeat(blanks) + fitted(text, left - blanks);
      return [...line, { text: cut, format }];
    }
    line.push({ text, format });
    left -= own;
  }
  return left > 0 ? [...line, { text: " ".repeat(left) }] : line;
}

/** The line for a terminal. */
export function painted(line: Line, coloured: boolean): string {
  return line
    .map(({ text, format }) => (format === undefined ? text : paint(coloured, format, text)))
    .join("")
    .trimEnd();
}
