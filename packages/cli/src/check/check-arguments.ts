import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";
import { countOfTop } from "../load/count-of-statements.ts";
import { shareIn } from "./share.ts";

/** What a share is a share of; `statements`: those of a file count once each. */
export type Measure = "calls" | "time" | "statements";

/** The most that may go to the writer, 0 to 1; `undefined`: that much is not asked. */
export interface Limits {
  /** Of everything. */
  readonly all: number | undefined;
  /** Of what only reads, and could go to readers. */
  readonly reads: number | undefined;
}

export interface CheckCommand {
  readonly kind: "check";
  readonly of: /** `-`: standard input. */
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "statistics"; readonly count: number };
  readonly by: Measure;
  readonly limits: Limits;
  /** A file of JSON with options that the application gives in code. */
  readonly optionsPath: string | undefined;
  readonly json: boolean;
  /** Whether no database is asked, though there be one. */
  readonly offline: boolean;
}

export const checkArguments = readable(
  {
    name: "check",
    inShort: "hold what goes to the writer against a limit",
    summary:
      "fail a build when more than a given share of the load, or of its reads, would go to the writer, and tell what keeps it there",
    usage: ["--max-writer-reads SHARE [options]", "--max-writer SHARE [options]"],
    about: [
      "Finds out where the statements go that pg_stat_statements has counted in this database, or those of a file, and holds what goes to the writer against a limit. It prints what goes there, most costly first, with the reason and with what would pay, and it runs nothing.",
      "A SHARE is a percentage (40%) or a fraction (0.4). Applications differ: there is no default, and one limit at least must be given. What is not known counts as the writer's.",
    ],
    operands: "none",
    options: {
      "max-writer-reads": {
        type: "string",
        value: "SHARE",
        completes: ["0%", "1%", "5%", "10%"],
        says: "the most of the reads that something keeps from readers: functions that nobody knows, hints, locks on rows, rules for tables",
      },
      "max-writer": {
        type: "string",
        value: "SHARE",
        completes: ["20%", "40%", "60%"],
        says: "the most of everything, writes included: these can go nowhere else",
      },
      file: {
        type: "string",
        value: "FILE",
        completes: "files",
        says: "a script (-: standard input) in the place of pg_stat_statements, split as psql does; each statement counts once",
      },
      top: {
        type: "string",
        value: "N",
        withoutValue: "5000",
        completes: "nothing",
        says: "only the N most costly statements of pg_stat_statements; the others count as the writer's (default: 5000, which is all that it keeps by default; at most 10000)",
      },
      by: {
        type: "string",
        value: "MEASURE",
        completes: ["calls", "time"],
        says: "what counts: calls (default), or time, which is that of execution",
      },
      options: {
        type: "string",
        value: "FILE",
        completes: "files",
        says: "a file of JSON with the options functions and tables, where the application gives them in code: import it there",
      },
      offline: {
        type: "boolean",
        says: "ask no database what functions and views do; needs --file",
      },
      json: { type: "boolean", says: "print one JSON object" },
    },
    environment: [
      ["DATABASE_URL and kin", "what the application has; PGHOST and kin where there is no URL"],
      ["NO_COLOR", "when set, no colour"],
    ],
    exitStatuses: exitStatuses.check,
    examples: [
      "pointsman check --max-writer-reads 5%",
      "pointsman check --max-writer 40% --by time",
      "pointsman check --max-writer-reads 0 --file queries.sql --options options.json",
    ],
  },
  ({ values }): CheckCommand => {
    const { json = false, offline = false, file, top, by, options: optionsPath } = values;
    const limits = {
      all: limitOf("max-writer", values["max-writer"]),
      reads: limitOf("max-writer-reads", values["max-writer-reads"]),
    };
    if (limits.all === undefined && limits.reads === undefined) {
      throw new Mistake(
        "There is no limit to hold: give --max-writer-reads, --max-writer or both.",
      );
    }
    if (by !== undefined && by !== "calls" && by !== "time") {
      throw new Mistake(`--by takes calls or time, not ${JSON.stringify(by)}.`);
    }
    if (optionsPath === "") throw new Mistake("--options takes the name of a file.");
    const common = { kind: "check", limits, optionsPath, json, offline } as const;
    if (file === undefined) {
      if (offline) {
        throw new Mistake("pg_stat_statements is in the database: --offline needs --file.");
      }
      const count = top === undefined ? 5000 : countOfTop(top);
      return { ...common, of: { kind: "statistics", count }, by: by ?? "calls" };
    }
    if (file === "") throw new Mistake("--file takes the name of a file.");
    if (top !== undefined) {
      throw new Mistake("--file and --top are different questions: give one of them.");
    }
    if (by !== undefined) {
      throw new Mistake("A file does not tell calls and time: give --by without --file.");
    }
    return { ...common, of: { kind: "file", path: file }, by: "statements" };
  },
);

function limitOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const share = shareIn(text);
  if (share === undefined) {
    throw new Mistake(`--${option} takes a share such as 40% or 0.4, not ${JSON.stringify(text)}.`);
  }
  return share;
}
