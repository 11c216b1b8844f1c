import { Mistake } from "../command-line/description.ts";

/** The most statements that are asked for. */
export const mostStatements = 10_000;

/**
 * The number behind `--top`.
 *
 * @throws Mistake
 */
export function countOfTop(top: string): number {
  if (!/^[1-9]\d{0,4}$/.test(top) || Number(top) > mostStatements) {
    throw new Mistake(
      `--top takes a number from 1 to ${mostStatements}, not ${JSON.stringify(top)}.`,
    );
  }
  return Number(top);
}
