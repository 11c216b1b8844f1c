import type { CorpusRun, Labelled } from "./run.ts";
import { type Mistakes, missedShare, offending, type Score, scoresOf } from "./score.ts";
import { topics } from "./statement.ts";

type Paint = (text: string) => string;

/** What a run has found, for a terminal. */
export function renderRun(run: CorpusRun, color: boolean, all: boolean): string {
  const paint = (code: number): Paint =>
    color ? (text) => `\u001b[${code}m${text}\u001b[0m` : (text) => text;
  const [bold, red, green, dim] = [paint(1), paint(31), paint(32), paint(2)];
  const { labelled, seed, major, missing, seconds } = run;
  const scores = scoresOf(labelled);
  const rows = [...scores.topics].map(([topic, score]) => cells(topics[topic], score));
  const head = [
    "",
    "statements",
    "refused",
    "wrong",
    "reader",
    "unsafe",
    "missed",
    "",
    ...["texts", "keyword", "tree"].flatMap(() => ["unsafe", "missed"]),
  ];
  const table = [
    head,
    ...rows,
    cells("sum", scores.sum),
    cells("answers about one server (by rule, apart)", scores.arguable),
  ];
  const widths = head.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? "").length)),
  );
  const aligned = table.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  const span = (from: number, to: number): number =>
    widths.slice(from, to).reduce((sum, width) => sum + width + 2, -2);
  const groups = ["", "what PostgreSQL did", "router", "texts alone", "keyword", "syntax tree"];
  const bounds = [0, 1, 5, 8, 10, 12, 14];
  const titles = groups.map((title, i) =>
    title.padEnd(span(bounds[i] as number, bounds[i + 1] as number)),
  );
  const lines = [
    `${bold("corpus")} ${dim(`PostgreSQL ${major}, seed ${seed}, ${seconds.toFixed(0)} s`)}`,
    "",
    dim(titles.join("  ").trimEnd()),
    ...aligned.map((row, index) => {
      const line = row.map((cell, column) => {
        if (index === 0) return dim(cell);
        if (column === 5 && cell.trim() !== "0") return red(cell);
        if (column === 5) return green(cell);
        return column >= 8 ? dim(cell) : cell;
      });
      const text = line.join("  ").trimEnd();
      return index === table.length - 2 ? bold(text) : text;
    }),
    "",
    `${scores.neither} more are accepted by neither side, and do not count.`,
  ];
  if (missing.length > 0) lines.push(`Not on this machine: ${missing.join(", ")}.`);
  const { unsafe, missed } = offending(labelled);
  lines.push(
    ...listed("unsafe", unsafe, all, { bold, dim }),
    ...listed("missed", missed, all, { bold, dim }),
  );
  lines.push(
    "",
    bold("goals"),
    ...Object.entries(goalsOf(run)).map(([name, value]) => `  ${name}: ${value}`),
  );
  return `${lines.join("\n")}\n`;
}

/** The numbers that a goal can be set for. */
export function goalsOf(run: CorpusRun): Record<string, number> {
  const { sum, arguable } = scoresOf(run.labelled);
  return {
    statements: sum.statements + arguable.statements,
    unsafe: sum.router.unsafe,
    "missed share": Number(missedShare(sum).toFixed(5)),
  };
}

/** Everything, for a file. */
export function reportOf(run: CorpusRun): object {
  const scores = scoresOf(run.labelled);
  const told = ({ statement, label, routes, reason }: Labelled): object => ({
    topic: statement.topic,
    text: statement.text,
    ...(statement.as === undefined ? {} : { as: statement.as }),
    needs: label.needs,
    because: label.because,
    route: routes.router,
    reason,
  });
  const { unsafe, missed } = offending(run.labelled);
  return {
    goals: goalsOf(run),
    seed: run.seed,
    postgres: run.major,
    seconds: Math.round(run.seconds),
    classes: Object.fromEntries(
      [...scores.topics].map(([topic, score]) => [topic, withShare(score)]),
    ),
    sum: withShare(scores.sum),
    arguable: scores.arguable,
    neither: scores.neither,
    unsafe: unsafe.map(told),
    missed: missed.map(told),
    statements: run.labelled.map(told),
  };
}

function withShare(score: Score): object {
  return { ...score, missedShare: missedShare(score) };
}

function cells(title: string, score: Score): string[] {
  const both = ({ unsafe, missed }: Mistakes): string[] => [String(unsafe), String(missed)];
  const share = score.readable === 0 ? "" : `${(missedShare(score) * 100).toFixed(1)} %`;
  return [
    title,
    ...[score.statements, score.refused, score.wrong, score.readable].map(String),
    ...both(score.router),
    share,
    ...both(score.texts),
    ...both(score.keyword),
    ...both(score.tree),
  ];
}

const shown = 12;

function listed(
  title: string,
  statements: readonly Labelled[],
  all: boolean,
  { bold, dim }: Record<"bold" | "dim", Paint>,
): string[] {
  if (statements.length === 0) return [];
  const some = all ? statements : statements.slice(0, shown);
  const rest = statements.length - some.length;
  return [
    "",
    bold(`${title}: ${statements.length}`),
    ...some.map(({ statement, label, reason }) => {
      const text = statement.text.replace(/\s+/g, " ").trim();
      return `  ${text.length > 100 ? `${text.slice(0, 99)}…` : text}  ${dim(`${label.because}; ${reason}`)}`;
    }),
    ...(rest > 0 ? [dim(`  and ${rest} more: --all, or --json FILE`)] : []),
  ];
}
