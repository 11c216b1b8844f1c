import { text as allOf } from "node:stream/consumers";
import { CannotTell } from "../cannot-tell.ts";
import { complain } from "../complain.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit-status.ts";
import { percent, ratio, reportOf, type Share } from "../load/load-report.ts";
import { statisticsOf } from "../load/statistics.ts";
import { print, printJson, printNote } from "../output.ts";
import { places, routeOf } from "../routes/route.ts";
import {
  type Environment,
  hasDatabase,
  openSource,
  routed,
  type Source,
} from "../routes/source.ts";
import { tableOf } from "../routes/table.ts";
import { adviceOn, unknownFunctions } from "../routes/unknown-functions.ts";
import { readText } from "../script/read-text.ts";
import { splitStatements } from "../script/split-statements.ts";
import { columns, isColoured, paint } from "../terminal.ts";
import type { ExplainCommand } from "./explain-arguments.ts";
import { Tree } from "./tree.ts";

/**
 * Tells where texts would go, and why.
 *
 * @returns the exit status
 * @throws ConfigError
 */
export async function explain(command: ExplainCommand, environment: Environment): Promise<number> {
  const { of } = command;
  try {
    switch (of.kind) {
      case "text":
        return await explainText(of.text, command, environment);
      case "file":
        return await explainFile(of.path, command, environment);
      case "busiest":
        return await explainBusiest(of.count, command, environment);
    }
  } catch (error) {
    if (!(error instanceof CannotTell)) throw error;
    return complain(error.message, EXIT_FAILED);
  }
}

async function explainText(
  given: string | undefined,
  { json, offline }: ExplainCommand,
  environment: Environment,
): Promise<number> {
  if (given === undefined && process.stdin.isTTY) return noSql();
  const text = given ?? (await allOf(process.stdin));
  if (text.trim() === "") return noSql();
  return withSource(offline, environment, async (source) => {
    const [answer] = await source.of([text.trim()]);
    if (answer === undefined) return;
    if (json) return printJson({ knownFrom: source.knownFrom, ...answer });
    print(new Tree(columns(), isColoured(environment)).draw(text, answer));
    printNote(source.note, environment);
  });
}

function noSql(): number {
  return complain(
    "There is no SQL: give it as one argument, in quotes, or by standard input. See pointsman explain --help.",
    EXIT_USAGE,
  );
}

async function explainFile(
  path: string,
  { json, offline }: ExplainCommand,
  environment: Environment,
): Promise<number> {
  const statements = splitStatements(await readText(path));
  return withSource(offline, environment, async (source) => {
    const rows = await routed(source, statements);
    const counts = places.map((place) => ({
      place,
      count: rows.filter(({ answer }) => answer && routeOf(answer).place === place).length,
    }));
    const unknown = unknownFunctions(rows);
    if (json) {
      const told = rows.map(({ answer, ...statement }) => ({ ...statement, ...answer }));
      const summary = Object.fromEntries(counts.map(({ place, count }) => [place, count]));
      const { knownFrom } = source;
      return printJson({ knownFrom, statements: told, summary, unknownFunctions: unknown });
    }
    const line = { title: "line", of: (row: { line: number }) => String(row.line) };
    print(tableOf(rows, [line], columns(), isColoured(environment)));
    const shares = counts
      .filter(({ place, count }) => count > 0 || place !== "nowhere")
      .map(({ place, count }) => `${place} ${count} (${percent(ratio(count, rows.length))})`);
    const noun = rows.length === 1 ? "statement" : "statements";
    print(`\n${rows.length} ${noun}: ${shares.join(", ")}\n`);
    printNote(adviceOn(unknown), environment);
    printNote(source.note, environment);
  });
}

async function explainBusiest(
  count: number,
  { json }: ExplainCommand,
  environment: Environment,
): Promise<number> {
  if (!hasDatabase(environment)) {
    return complain(
      "--top asks the database, and there is none: set DATABASE_URL. See pointsman explain --help.",
      EXIT_USAGE,
    );
  }
  const { statements, load } = await statisticsOf(environment, count, "calls");
  return withSource(false, environment, async (source) => {
    const rows = await routed(source, statements);
    const report = reportOf(rows, load);
    const unknown = unknownFunctions(rows);
    if (json) {
      const told = rows.map(({ answer, ...statement }) => ({ ...statement, ...answer }));
      const { knownFrom } = source;
      return printJson({
        knownFrom,
        statements: told,
        load,
        summary: report,
        unknownFunctions: unknown,
      });
    }
    type Row = (typeof rows)[number];
    const own = [
      { title: "calls", of: ({ calls }: Row) => percent(ratio(calls, load.calls)) },
      {
        title: "time",
        of: ({ milliseconds }: Row) => percent(ratio(milliseconds, load.milliseconds)),
      },
    ];
    const coloured = isColoured(environment);
    print(tableOf(rows, own, columns(), coloured));
    const row = (who: string, { ofCalls, ofTime, statements }: Share): string =>
      `  ${who.padEnd(8)}${percent(ofCalls).padStart(8)} of the calls ${percent(ofTime).padStart(8)} of the time  (${statements} of ${load.statements} statements)\n`;
    print(`\n${paint(coloured, "bold", "What would be served by")}\n`);
    print(row("readers", report.reader));
    print(row("writer", report.writer));
    if (report.nowhere.statements > 0) print(row("nobody", report.nowhere));
    if (report.rest.statements > 0) print(row("unknown", report.rest));
    printNote(adviceOn(unknown), environment);
    printNote(inTransactions, environment);
    if (rows.some(({ text }) => text === undefined)) printNote(withoutText, environment);
    printNote(source.note, environment);
  });
}

const inTransactions =
  "A read inside a transaction that may write goes to the writer with it. The statistics do not tell which were: readers would serve this much at most.";
const withoutText =
  "Statements without a text belong to other users, or their texts were lost: to see the former, grant this user the role pg_read_all_stats.";

async function withSource(
  isOffline: boolean,
  environment: Environment,
  tell: (source: Source) => Promise<void>,
): Promise<number> {
  const source = await openSource(isOffline, environment);
  if (source.problem !== undefined) {
    complain(`${source.problem} What follows is by the text alone.`, source.status);
  }
  try {
    await tell(source);
    return source.status;
  } finally {
    await source.end();
  }
}
