import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";
import { countOfTop } from "../load/count-of-statements.ts";

export interface ExplainCommand {
  readonly kind: "explain";
  readonly of: /** `undefined`: the text comes by standard input. */
    | { readonly kind: "text"; readonly text: string | undefined }
    /** `-`: standard input. */
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "busiest"; readonly count: number };
  readonly json: boolean;
  /** Whether no database is asked, though there be one. */
  readonly offline: boolean;
}

export const explainArguments = readable(
  {
    name: "explain",
    inShort: "tell where SQL goes, and why",
    summary:
      "tell where SQL goes, to the writer or a reader, and why: one text, a file, or what the database is asked most",
    usage: ['[options] ["SQL"]', "[options] --file FILE", "[options] --top [N]"],
    about: [
      "Tells where SQL goes, to the writer or to a reader, and why: what it reads and writes, and what is known of the functions and views that it leads to. It runs nothing. The database is asked what its functions, views and operators do; where there is none, only the text counts, and functions that are not PostgreSQL's own are unknown.",
      '"SQL" is one argument, in quotes. It is read from standard input when it is -, or when there is none and standard input is no terminal.',
    ],
    operands: "text",
    options: {
      file: {
        type: "string",
        value: "FILE",
        completes: "files",
        says: "a script (-: standard input), split as psql does, with a row for each of its statements",
      },
      top: {
        type: "string",
        value: "N",
        withoutValue: "50",
        completes: "nothing",
        says: "the N statements of this database that pg_stat_statements has seen most often (default: 50, at most 10000), and what share of the load readers could serve",
      },
      offline: { type: "boolean", says: "ask no database" },
      json: { type: "boolean", says: "print one JSON object" },
    },
    environment: [
      ["DATABASE_URL and kin", "what the application has; PGHOST and kin where there is no URL"],
      ["NO_COLOR", "when set, no colour"],
    ],
    exitStatuses: exitStatuses.explain,
    examples: [
      'pointsman explain "select * from orders for update"',
      "pointsman explain --offline --file queries.sql",
      "pointsman explain --top 20",
    ],
  },
  ({ values, operands }): ExplainCommand => {
    const { json = false, offline = false, file, top } = values;
    if (operands.length > 1) {
      throw new Mistake("The SQL must be one argument: put it in quotes.");
    }
    const [text] = operands;
    if ([text, file, top].filter((one) => one !== undefined).length > 1) {
      throw new Mistake("SQL, --file and --top are different questions: give one of them.");
    }
    if (file !== undefined) {
      if (file === "") throw new Mistake("--file takes the name of a file.");
      return { kind: "explain", of: { kind: "file", path: file }, json, offline };
    }
    if (top === undefined) {
      const of = { kind: "text", text: text === "-" ? undefined : text } as const;
      return { kind: "explain", of, json, offline };
    }
    if (offline) {
      throw new Mistake("--top asks the database, and --offline does not: give one of them.");
    }
    return { kind: "explain", of: { kind: "busiest", count: countOfTop(top) }, json, offline };
  },
);
