import { percent } from "../load/load-report.ts";
import { type Column, tableOf } from "../routes/table.ts";
import { adviceOn, unknownFunctions } from "../routes/unknown-functions.ts";
import { paint } from "../terminal.ts";
import { wrap } from "../wrap.ts";
import type { Measure } from "./check-arguments.ts";
import type { Costly, Judgement, Offender, Remedy, Verdict } from "./judge.ts";
import { percentBeside, percentOfLimit } from "./share.ts";

/** More rows would hide the verdict from whoever reads the log of a build. */
const most = 20;
/** Rows that are longer cannot be read well. */
const widest = 120;

/** Tells people what a check has found; the verdict stands last. */
export function reportOn<Row extends Costly>(
  { verdicts, offenders, remedies, unknown }: Judgement<Row>,
  by: Measure,
  own: readonly Column<Offender<Row>>[],
  notes: readonly (string | undefined)[],
  columns: number,
  coloured: boolean,
): string {
  const width = Math.min(columns, widest);
  const shown = offenders.slice(0, most);
  const hidden = offenders.slice(most);
  const rest = hidden.reduce((sum, { share }) => sum + share, 0);
  const table = tableOf(
    shown,
    [{ title: "share", of: ({ share }) => percent(share) }, ...own, is],
    columns,
    coloured,
  );
  const more = `… and ${hidden.length} more, ${percent(rest)} of all\n`;
  const advice = adviceOn(unknownFunctions(offenders.filter(({ kind }) => kind === "read")));
  const told = remedies.map((one) =>
    one.reason === "unknown-function" && advice !== undefined ? { ...one, pays: advice } : one,
  );
  const remarks = [unknown > 0 ? unknownNote(unknown, by) : undefined, ...notes];
  return [
    shown.length > 0 ? table : undefined,
    hidden.length > 0 ? more : undefined,
    told.length > 0 ? remediesOf(told, width, coloured) : undefined,
    ...remarks.map(
      (remark) => remark && `${paint(coloured, "dim", wrap(remark, width).join("\n"))}\n`,
    ),
    verdicts.map((verdict) => lineOf(verdict, by, coloured)).join(""),
  ]
    .filter((part) => part !== undefined)
    .join("\n")
    .replace(`\n\n${more}`, `\n${more}`);
}

/** Words begin where their title does, other than the numbers beside them. */
const kindWidth = "unknown".length;
const is = {
  title: "is".padEnd(kindWidth),
  of: ({ kind }: { kind: string }) => kind.padEnd(kindWidth),
};

function remediesOf(remedies: readonly Remedy[], width: number, coloured: boolean): string {
  const rows = remedies.flatMap(({ reason, share, pays }) => [
    `  ${percent(share).padStart(7)}  ${paint(coloured, "bold", reason)}`,
    ...wrap(pays, width - indent).map((row) => " ".repeat(indent) + row),
  ]);
  return `${[paint(coloured, "bold", "What would pay"), ...rows].join("\n")}\n`;
}

/** Where a reason begins, and what would pay below it. */
const indent = 11;

const subjects = {
  all: { calls: "of the calls go", time: "of the time goes", statements: "of the statements go" },
  reads: {
    calls: "of the calls of reads go",
    time: "of the time of reads goes",
    statements: "of the reads go",
  },
} as const satisfies Record<Verdict["of"], Record<Measure, string>>;

function lineOf({ of, share, limit, isWithin }: Verdict, by: Measure, coloured: boolean): string {
  const found = `${percentBeside(share, limit)} ${subjects[of][by]} to the writer`;
  const told = `${found}, ${isWithin ? "within" : "more than"} ${percentOfLimit(limit)}`;
  return `${paint(coloured, isWithin ? "green" : "red", told)}\n`;
}

function unknownNote(unknown: number, by: Measure): string {
  const remedy =
    by === "statements"
      ? ""
      : " Texts of other users are shown to members of pg_read_all_stats; what is beyond --top is not looked at.";
  return `${percent(unknown)} is unknown, and counts as reads that go to the writer.${remedy}`;
}
