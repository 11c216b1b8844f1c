import { styleText } from "node:util";

export type Format = Parameters<typeof styleText>[0];

/** Columns of the terminal; 80 where it is none, or does not tell. */
export function columns(): number {
  return process.stdout.columns || 80;
}

/** @see https://no-color.org */
export function isColoured({ NO_COLOR }: Readonly<Record<string, string | undefined>>): boolean {
  return process.stdout.isTTY === true && !NO_COLOR;
}

/** The text in this format, where there are colours. */
export function paint(coloured: boolean, format: Format, text: string): string {
  return coloured ? styleText(format, text, { validateStream: false }) : text;
}

/**
 * A text on one line, for a terminal: without the characters that would steer it, whoever has put
 * them there.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
}

/** The text, cut where it is longer than so many columns. */
export function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
