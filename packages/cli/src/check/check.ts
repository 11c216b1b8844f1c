import { CannotTell } from "../cannot-tell.ts";
import { Mistake } from "../command-line/description.ts";
import { complain } from "../complain.ts";
import { EXIT_FAILED, EXIT_NO_VERDICT, EXIT_USAGE } from "../exit-status.ts";
import type { Load } from "../load/busiest.ts";
import { statisticsOf } from "../load/statistics.ts";
import { print, printJson } from "../output.ts";
import { type Environment, openSource, routed } from "../routes/source.ts";
import { unknownFunctions } from "../routes/unknown-functions.ts";
import { readText } from "../script/read-text.ts";
import { splitStatements } from "../script/split-statements.ts";
import { columns, isColoured } from "../terminal.ts";
import type { CheckCommand } from "./check-arguments.ts";
import { type Judgement, judge } from "./judge.ts";
import { optionsIn } from "./options-file.ts";
import { reportOn } from "./report.ts";

/** A statement of a load; one of a file has a line. */
interface Statement {
  readonly text: string | undefined;
  readonly line?: number;
  readonly calls: number;
  readonly milliseconds: number;
}

/**
 * Holds what would go to the writer against limits.
 *
 * @returns the exit status
 * @throws ConfigError
 */
export async function check(command: CheckCommand, environment: Environment): Promise<number> {
  try {
    return await verdictOn(command, environment);
  } catch (error) {
    if (error instanceof CannotTell) return complain(error.message, EXIT_NO_VERDICT);
    if (error instanceof Mistake) return complain(error.message, EXIT_USAGE);
    throw error;
  }
}

async function verdictOn(command: CheckCommand, environment: Environment): Promise<number> {
  const { optionsPath, offline } = command;
  const inCode = optionsPath === undefined ? {} : optionsIn(await readText(optionsPath));
  const { statements, load } = await loadOf(command, environment);
  const source = await openSource(offline, environment, inCode);
  try {
    // By the text alone a build would fail that is as it should be.
    if (source.problem !== undefined) throw new CannotTell(source.problem);
    const judgement = judge(await routed(source, statements), load, command.by, command.limits);
    tell(judgement, command, load, source, environment);
    return judgement.verdicts.every(({ isWithin }) => isWithin) ? 0 : EXIT_FAILED;
  } finally {
    await source.end();
  }
}

/** @throws CannotTell */
async function loadOf(
  { of, by }: CheckCommand,
  environment: Environment,
): Promise<{ statements: readonly Statement[]; load: Load }> {
  if (of.kind === "statistics") {
    const found = await statisticsOf(environment, of.count, by === "time" ? "time" : "calls");
    if (found.load.calls === 0) {
      throw new CannotTell(
        "pg_stat_statements has counted nothing in this database yet: come back behind the load that is to be judged.",
      );
    }
    return found;
  }
  const script = splitStatements(await readText(of.path));
  const { length } = script;
  if (length === 0) throw new CannotTell("There is no statement in the file.");
  return {
    statements: script.map((statement) => ({ ...statement, calls: 1, milliseconds: 0 })),
    load: { statements: length, calls: length, milliseconds: 0 },
  };
}

type Answered = Awaited<ReturnType<typeof routed<Statement>>>[number];

function tell(
  judgement: Judgement<Answered>,
  { by, of, json }: CheckCommand,
  load: Load,
  { knownFrom, note }: Awaited<ReturnType<typeof openSource>>,
  environment: Environment,
): void {
  const { verdicts, offenders, remedies, unknown } = judgement;
  if (!json) {
    const line = { title: "line", of: (row: Answered) => String(row.line) };
    const own = of.kind === "file" ? [line] : [];
    print(reportOn(judgement, by, own, [note], columns(), isColoured(environment)));
    return;
  }
  printJson({
    isWithin: verdicts.every(({ isWithin }) => isWithin),
    knownFrom,
    by,
    verdicts,
    unknown,
    offenders: offenders.map(({ answer, milliseconds, ...statement }) => ({
      ...statement,
      ...(of.kind === "file" ? {} : { milliseconds }),
      ...answer,
    })),
    remedies,
    unknownFunctions: unknownFunctions(offenders.filter(({ kind }) => kind === "read")),
    load: of.kind === "file" ? { statements: load.statements } : load,
  });
}
