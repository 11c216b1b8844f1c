import { type Guarantee, guarantees } from "./guarantees.ts";
import type { Operation } from "./history.ts";
import { type RunResult, readerShare } from "./run.ts";
import { formatViolation, totalOf } from "./violation.ts";

/** A run in words. */
export function formatRun(result: RunResult): string {
  const { seed, verdict, seconds, checkSeconds, freeReads, troubles, nemesis } = result;
  const rate = Math.round(verdict.operations / seconds);
  const total = totalOf(verdict);
  const lines = [
    `${count(verdict.operations)} operations of ${count(verdict.sessions)} sessions in ${seconds.toFixed(1)} s (${count(rate)} a second), checked in ${checkSeconds.toFixed(1)} s; seed ${seed}`,
    `  operations    ${tally(kinds(result.history))}`,
    `  nemesis       ${tally(nemesis)}`,
    `  free reads    ${(100 * readerShare(result)).toFixed(1)} % served by readers: ${tally(freeReads)}`,
    `  reasons       ${tally(reasons(result))}`,
    `  troubles      ${tally(troubles) || "none"}`,
    "",
    total === 0 ? "No violations." : `${count(total)} violations:`,
  ];
  if (total > 0) lines.push(...found(result));
  return `${lines.join("\n")}\n`;
}

function found({ verdict: { counts, violations } }: RunResult): string[] {
  const names = (Object.keys(guarantees) as Guarantee[]).filter((name) => counts[name] > 0);
  const shown = names.flatMap((name) =>
    violations.filter((one) => one.guarantee === name).slice(0, 2),
  );
  return [
    ...names.map(
      (name) => `  ${name.padEnd(20)} ${count(counts[name]).padStart(9)}  ${guarantees[name]}`,
    ),
    "",
    "The first ones of each:",
    ...shown.map(formatViolation),
  ];
}

function kinds(history: readonly Operation[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const operation of history) {
    const kind = operation.kind === "write" ? `${operation.outcome} writes` : `${operation.kind}s`;
    sums[kind] = (sums[kind] ?? 0) + 1;
  }
  return sums;
}

function reasons({ stats }: RunResult): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of stats) {
    for (const [reason, times] of Object.entries(one.reasons)) {
      if (times > 0) sums[reason] = (sums[reason] ?? 0) + times;
    }
  }
  return sums;
}

function tally(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${name} ${count(times)}`)
    .join(", ");
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}
