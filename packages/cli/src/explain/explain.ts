import { readFile } from "node:fs/promises";
import { text as allOf } from "node:stream/consumers";
import { configuredEndpoints } from "pointsman/endpoints";
import type { ExplainCommand } from "../cli-arguments.ts";
import { complain } from "../complain.ts";
import { reasonOf } from "../errors.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit-status.ts";
import { Secrets } from "../secrets.ts";
import { columns, isColoured, paint } from "../terminal.ts";
import { wrap } from "../wrap.ts";
import { busiestStatements, NoStatistics } from "./busiest.ts";
import { percent, ratio, reportOf, type Share } from "./load-report.ts";
import { places, routeOf } from "./route.ts";
import { type Environment, hasDatabase, openSource, options, type Source } from "./source.ts";
import { splitStatements } from "./split-statements.ts";
import { tableOf } from "./table.ts";
import { Tree } from "./tree.ts";
import { adviceOn, unknownFunctions } from "./unknown-functions.ts";

/**
 * Tells where texts would go, and why.
 *
 * @returns the exit status
 * @throws ConfigError
 */
export function explain(command: ExplainCommand, environment: Environment): Promise<number> {
  const { of } = command;
  switch (of.kind) {
    case "text":
      return explainText(of.text, command, environment);
    case "file":
      return explainFile(of.path, command, environment);
    case "busiest":
      return explainBusiest(of.count, command, environment);
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
  let script: string;
  try {
    script = path === "-" ? await allOf(process.stdin) : await readFile(path, "utf8");
  } catch (error) {
    return complain(`The file cannot be read: ${reasonOf(error)}.`, EXIT_FAILED);
  }
  const statements = splitStatements(script);
  return withSource(offline, environment, async (source) => {
    const answers = await source.of(statements.map(({ text }) => text));
    const rows = statements.map((statement, at) => ({ ...statement, answer: answers[at] }));
    const counts = places.map((place) => ({
      place,
      count: answers.filter((answer) => routeOf(answer).place === place).length,
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
  let found: Awaited<ReturnType<typeof busiest>>;
  try {
    found = await busiest(count, environment);
  } catch (error) {
    if (error instanceof NoStatistics) return complain(error.message, EXIT_FAILED);
    throw error;
  }
  if (typeof found === "string") return complain(found, EXIT_FAILED);
  const { statements, load } = found;
  return withSource(false, environment, async (source) => {
    const texts = statements.flatMap(({ text }) => (text === undefined ? [] : [text]));
    const answers = await source.of(texts);
    const byText = new Map(texts.map((text, at) => [text, answers[at]]));
    const rows = statements.map((statement) => ({
      ...statement,
      answer: statement.text === undefined ? undefined : byText.get(statement.text),
    }));
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

/** @returns or why the database cannot be asked */
async function busiest(
  count: number,
  environment: Environment,
): Promise<Awaited<ReturnType<typeof busiestStatements>> | string> {
  const endpoints = configuredEndpoints(options, environment);
  const { DATABASE_URL, PGHOST } = environment;
  // A service that writes nothing need not know where the writer is.
  const side = DATABASE_URL || PGHOST ? "writer" : "reader";
  const endpoint = endpoints.find((one) => one.side === side);
  if (endpoint === undefined) return "There is no database to ask: set DATABASE_URL.";
  const secrets = new Secrets(environment);
  try {
    if (endpoint.auth === undefined) secrets.add(await endpoint.password());
    const client = await endpoint.connect();
    try {
      return await busiestStatements(client, count);
    } finally {
      await client.end();
    }
  } catch (error) {
    if (error instanceof NoStatistics) throw error;
    return secrets.hide(
      `The ${side} ${endpoint.name} cannot be reached: ${reasonOf(error)}. pointsman doctor tells more.`,
    );
  }
}

async function withSource(
  isOffline: boolean,
  environment: Environment,
  tell: (source: Source) => Promise<void>,
): Promise<number> {
  const source = await openSource(isOffline, environment);
  try {
    await tell(source);
    return source.status;
  } finally {
    await source.end();
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

function printJson(told: object): void {
  print(`${JSON.stringify(told)}\n`);
}

function printNote(note: string | undefined, environment: Environment): void {
  if (note === undefined) return;
  const rows = wrap(note, Math.min(columns(), 120)).join("\n");
  print(`\n${paint(isColoured(environment), "dim", rows)}\n`);
}
