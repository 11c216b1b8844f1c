import { type Format, paint } from "../terminal.ts";
import { fitted, widthOf } from "./text-width.ts";

/** A piece of a line, all of it in one format. */
export interface Piece {
  /** In which nothing steers the terminal. */
  readonly text: string;
  readonly format?: Format | undefined;
}

/** A line of the screen, of exactly so many columns. */
export type Line = readonly Piece[];

/** The pieces that fit, and blanks behind them. */
export function lineOf(pieces: readonly Piece[], width: number): Line {
  const line: Piece[] = [];
  let left = width;
  for (const { text, format } of pieces) {
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
