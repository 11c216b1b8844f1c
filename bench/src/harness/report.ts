import type { Count, Result, Table } from "./benchmark.ts";
import type { GoalOutcome } from "./goals.ts";
import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";

/** Everything that a run has found, as it is written to a file. */
export interface Report {
  readonly machine: Machine;
  readonly name: string;
  /** Its numbers mean nothing: it was only to see that the benchmark works. */
  readonly quick: boolean;
  readonly results: readonly Result[];
  readonly counts: readonly Count[];
  readonly goals: readonly GoalOutcome[];
  /** What was not measured, each with the reason. */
  readonly leftOut: readonly string[];
  readonly tables: readonly Table[];
}

type Paint = (text: string) => string;

/** The report as text for a terminal. */
export function renderReport(report: Report, color: boolean): string {
  const paint = (code: number): Paint =>
    color ? (text) => `\u001b[${code}m${text}\u001b[0m` : (text) => text;
  const [bold, red, green, dim] = [paint(1), paint(31), paint(32), paint(2)];
  const { machine, results, counts, goals, leftOut, tables } = report;
  const memory = Math.round(machine.memory / 2 ** 30);
  const lines = [
    bold(report.name) + (report.quick ? " (quick: these numbers mean nothing)" : ""),
    dim(
      `node ${machine.node}, ${machine.platform}, ${machine.cpus} x ${machine.model}, ${memory} GiB`,
    ),
  ];
  for (const group of groups(results)) {
    const [first] = group;
    if (first === undefined) continue;
    const { comparison, concurrency, rounds, operations } = first;
    const title = bold(`${comparison}${concurrency === 1 ? "" : `, ${concurrency} at once`}`);
    lines.push("", `${title} ${dim(`(${rounds} rounds of ${operations})`)}`);
    lines.push(...columns(rowsOf(group), dim));
  }
  if (counts.length > 0) lines.push("", bold("counted"));
  for (const { name, value } of counts) lines.push(`  ${name}: ${figure(value)}`);
  if (goals.length > 0) lines.push("", bold("goals"));
  for (const goal of goals) lines.push(`  ${renderGoal(goal, { red, green, dim })}`);
  if (leftOut.length > 0) lines.push("", bold("left out"));
  for (const what of leftOut) lines.push(`  ${what}`);
  for (const { title, head, rows } of tables) {
    lines.push("", bold(title), "", ...markdown([head, ...rows]));
  }
  return `${lines.join("\n")}\n`;
}

function groups(results: readonly Result[]): Result[][] {
  const found = new Map<string, Result[]>();
  for (const result of results) {
    const key = JSON.stringify([result.comparison, result.concurrency]);
    const group = found.get(key);
    if (group === undefined) found.set(key, [result]);
    else group.push(result);
  }
  return [...found.values()];
}

function rowsOf(group: readonly Result[]): string[][] {
  const compared = group.some(({ cpuRatio }) => cpuRatio !== undefined);
  const head = ["", "time/op", "CPU/op", "least CPU/op", "ops/s"];
  if (compared) head.push("CPU ratio", "throughput ratio");
  return [
    head,
    ...group.map((result) => {
      const row = [
        result.contender,
        duration(result.wallNs.median),
        duration(result.cpuNs.median),
        duration(result.cpuNs.min),
        Math.round(result.operationsPerSecond.median).toLocaleString("en"),
      ];
      if (compared) row.push(ratio(result.cpuRatio), ratio(result.throughputRatio));
      return row;
    }),
  ];
}

function columns(rows: readonly (readonly string[])[], dim: Paint): string[] {
  return aligned(rows).map((row, index) => {
    const line = row.join("  ");
    return `  ${index === 0 ? dim(line) : line}`;
  });
}

/** The first row is the head. */
function markdown(rows: readonly (readonly string[])[]): string[] {
  const [head = [], ...rest] = aligned(rows);
  const rule = head.map(({ length }, column) =>
    column === 0 ? "-".repeat(length) : `${"-".repeat(length - 1)}:`,
  );
  return [head, rule, ...rest].map((row) => `| ${row.join(" | ")} |`);
}

/** Cells of one column are of one width: names to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[][] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
}

function renderGoal(
  { name, goal, bound, measured, spread, ok }: GoalOutcome,
  { red, green, dim }: Readonly<Record<"red" | "green" | "dim", Paint>>,
): string {
  const limit = `${bound === "at most" ? "≤" : "≥"} ${goal}`;
  if (measured === null || spread === undefined) return `-     ${name}: not measured (${limit})`;
  const verdict = ok === true ? green("ok   ") : red("missed");
  const range = dim(`min ${figure(spread.min)}, max ${figure(spread.max)}`);
  return `${verdict} ${name}: ${figure(measured)} (${limit}; ${range})`;
}

/** min-median-max over the rounds */
function ratio(spread: Spread | undefined): string {
  if (spread === undefined) return "1";
  return `${spread.min.toFixed(2)}-${spread.median.toFixed(3)}-${spread.max.toFixed(2)}`;
}

function duration(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  return `${(ns / 1e6).toFixed(1)} ms`;
}

function figure(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(3);
}
