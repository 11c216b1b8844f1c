import type { CapturedQuery } from "./capture-queries.ts";

/** More of a text than this is not shown. */
const width = 100;

/** Statements as a table for people. */
export function queryTable(queries: readonly CapturedQuery[]): string {
  if (queries.length === 0) return "No statement was sent.";
  const rows = [
    ["#", "side", "reason", "ms", "statement"],
    ...queries.map(({ target, reason, durationMs, text, error }, index) => [
      String(index + 1),
      target,
      reason,
      durationMs.toFixed(1),
      `${shortened(text)}${error === undefined ? "" : " (failed)"}`,
    ]),
  ];
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(cell.length, most[column] ?? 0)),
    [],
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`)
    .map((line) => line.trimEnd())
    .join("\n");
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
