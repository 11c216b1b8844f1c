import type { Classification } from "./types.ts";

/** Whether nobody has looked into a text: it was not parsed, and may be of any statements. */
export function isOpaque({ statements, verdict }: Classification): boolean {
  return statements.length === 0 && verdict !== "empty";
}
