import { basename } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { parseTop, type TopCommand } from "./top/top-arguments.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "mistake"; readonly message: string }
  | ExecCommand
  | DoctorCommand
  | ExplainCommand
  | TopCommand;

export interface ExecCommand {
  readonly kind: "exec";
  readonly side: "writer" | "reader";
  /** Which of several readers, counted from 1. */
  readonly readerIndex: number;
  readonly program: string;
  readonly args: readonly string[];
  /** Whether the URL is read by Prisma's own engine, which has its own parameters for TLS. */
  readonly prisma: boolean;
}

export interface DoctorCommand {
  readonly kind: "doctor";
  readonly json: boolean;
  /** For each check. */
  readonly timeoutMillis: number;
  /** For a service that must not write; `undefined`: for one that may. */
  readonly readOnly: { readonly allowWritesTo: readonly string[] } | undefined;
}

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

const HELP = `Usage: pointsman <command> [options]

Commands:
  exec      run a program (psql, pg_dump, a migration tool) against the writer
            or a reader, with a fresh password or token in its environment
  doctor    check every step of the way to the database, and tell what to mend;
            with --read-only, whether the database itself refuses writes
  explain   tell where SQL goes, to the writer or a reader, and why: one text, a
            file, or what the database is asked most
  top       show what the pools of a running application do, live

Options:
  --help, -h   print this; pointsman <command> --help tells more
  --version    print the version

All use the application's own environment: DATABASE_URL, DATABASE_READER_URL,
DATABASE_AUTH, and top DATABASE_STATS_SOCKET.
`;

const EXEC_HELP = `Usage: pointsman exec [options] -- program [arguments]

Runs a program against one endpoint of the database. It finds the endpoint and a
fresh password or token in its environment: DATABASE_URL, PGHOST, PGPORT,
PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT. It does not see
DATABASE_READER_URL and DATABASE_AUTH, so what it writes reaches that endpoint
only.

Options:
  --writer           the writer's endpoint (default)
  --reader           the reader's endpoint
  --reader-index N   one of several readers, counted from 1
  --prisma           write DATABASE_URL with the parameters for TLS that Prisma
                     has, as is done for prisma and npx prisma: give it for
                     scripts that run Prisma
  --help, -h         print this

Environment:
  DATABASE_URL         the writer
  DATABASE_READER_URL  the reader, or readers with commas between them
  DATABASE_AUTH        iam: log in with tokens of AWS IAM

Exit status: the program's own; 128+n when signal n ended it; 127 when it does
not exist, 126 when it cannot be run; 2 when options or environment make no
sense, 1 when no password could be made.

Examples:
  pointsman exec -- psql
  pointsman exec -- npx prisma migrate deploy
  pointsman exec --reader -- pg_dump --schema-only
`;

const DOCTOR_HELP = `Usage: pointsman doctor [options]

Walks the way to the database for each endpoint of the environment, from its
name to the lag of a reader, and prints one line for each check: what was found
and, where it is not right, what to do. It changes nothing.

Options:
  --read-only        also check that the role which it logs in as can write
                     nothing, and print the script of SQL that makes it so
  --allow-writes-to TABLE[,TABLE...]
                     with --read-only: tables that may be written all the same,
                     named as in the option allowWritesTo
  --json             print one JSON object instead of a table
  --timeout SECONDS  the most that one check may take (default: 10)
  --help, -h         print this

Environment:
  DATABASE_URL, DATABASE_READER_URL, DATABASE_AUTH, DATABASE_POOL_MAX,
  DATABASE_READER_POOL_MAX: what the application has
  NO_COLOR             when set, no colour

Marks:
  ok       as it should be
  look     works, but is worth a look
  bad      does not work, or will not for long
  skipped  could not be checked, since something before it failed

Exit status: 0 when nothing is bad, 1 when something is, 2 when options or
environment make no sense.
`;

const EXPLAIN_HELP = `Usage: pointsman explain [options] ["SQL"]
       pointsman explain [options] --file FILE
       pointsman explain [options] --top [N]

Tells where SQL goes, to the writer or to a reader, and why: what it reads and
writes, and what is known of the functions and views that it leads to. It runs
nothing. The database is asked what its functions, views and operators do; where
there is none, only the text counts, and functions that are not PostgreSQL's own
are unknown.

"SQL" is one argument, in quotes. It is read from standard input when it is -,
or when there is none and standard input is no terminal.

Options:
  --file FILE   a script (-: standard input), split as psql does, with a row for
                each of its statements
  --top [N]     the N statements (default: 50, at most 10000) of this database
                that pg_stat_statements has seen most often, and what share of
                the load readers could serve
  --offline     ask no database
  --json        print one JSON object
  --help, -h    print this

Environment:
  DATABASE_URL, DATABASE_READER_URL, DATABASE_AUTH and what else the application
  has; PGHOST and kin where there is no URL
  NO_COLOR             when set, no colour

Exit status: 0 when it is told; 3 when it is told by the text alone, since the
database could not be asked; 1 when it cannot be told: there is no such file, or
--top finds no database or no pg_stat_statements; 2 when options or environment
make no sense.

Examples:
  pointsman explain "select * from orders for update"
  pointsman explain --offline --file queries.sql
  pointsman explain --top 20
`;

const help = { help: { type: "boolean", short: "h" } } as const;

/**
 * Reads the command line. It never throws: what is wrong with it comes back as one sentence.
 *
 * @param args without the program: `process.argv.slice(2)`
 */
export function parseCommand(args: readonly string[]): Command {
  const [first, ...rest] = args;
  switch (first) {
    case "exec":
      return parsing(first, () => parseExec(rest));
    case "doctor":
      return parsing(first, () => parseDoctor(rest));
    case "explain":
      return parsing(first, () => parseExplain(rest));
    case "top":
      return parsing(first, () => {
        const request = parseTop(rest);
        return request.kind === "mistake" ? mistake(request.message, first) : request;
      });
    case "--version":
      return { kind: "version" };
    case "--help":
    case "-h":
    case "help":
      return { kind: "help", text: HELP };
    case undefined:
      return mistake("There is no command.");
    default:
      return mistake(`There is no command ${JSON.stringify(first)}.`);
  }
}

function parseExec(args: readonly string[]): Command {
  const options = {
    ...help,
    writer: { type: "boolean" },
    reader: { type: "boolean" },
    "reader-index": { type: "string" },
    prisma: { type: "boolean" },
  } as const;
  const [own, command] = beforeProgram(args, options);
  const { values } = parseArgs({ args: own, options });
  if (values.help) return { kind: "help", text: EXEC_HELP };
  const { writer, reader = false, "reader-index": index, prisma = false } = values;
  if (writer && (reader || index !== undefined)) {
    return mistake("--writer and --reader are different endpoints: give one of them.", "exec");
  }
  if (index !== undefined && !/^[1-9]\d{0,3}$/.test(index)) {
    return mistake(
      `--reader-index takes a number that counts from 1, not ${JSON.stringify(index)}.`,
      "exec",
    );
  }
  const [program, ...programArgs] = command;
  if (program === undefined || program === "") {
    return mistake("There is no program to run: put one behind --.", "exec");
  }
  return {
    kind: "exec",
    side: reader || index !== undefined ? "reader" : "writer",
    readerIndex: Number(index ?? 1),
    program,
    args: programArgs,
    prisma: prisma || isPrisma(program, programArgs),
  };
}

/** What runs the programs of packages: the name of one is among its arguments. */
const runners = new Set(["npx", "npm", "pnpm", "pnpx", "yarn", "bun", "bunx"]);

function isPrisma(program: string, args: readonly string[]): boolean {
  const name = basename(program);
  return name === "prisma" || (runners.has(name) && args.some((arg) => /^prisma(@|$)/.test(arg)));
}

/** Our own arguments, which end at `--` or at the first word, and those of the program. */
function beforeProgram(
  args: readonly string[],
  options: NonNullable<ParseArgsConfig["options"]>,
): [own: string[], command: string[]] {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const end = tokens.find(({ kind }) => kind !== "option");
  if (end === undefined) return [[...args], []];
  const start = end.kind === "option-terminator" ? end.index + 1 : end.index;
  return [args.slice(0, end.index), args.slice(start)];
}

function parseDoctor(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...help,
      json: { type: "boolean" },
      timeout: { type: "string" },
      "read-only": { type: "boolean" },
      "allow-writes-to": { type: "string", multiple: true },
    },
  });
  if (values.help) return { kind: "help", text: DOCTOR_HELP };
  const { json = false, timeout = "10", "read-only": isReadOnly = false } = values;
  const { "allow-writes-to": allowed = [] } = values;
  const seconds = Number(timeout);
  if (!(seconds > 0 && seconds <= 3600) || timeout.trim() === "") {
    return mistake(
      `--timeout takes seconds, up to 3600, not ${JSON.stringify(timeout)}.`,
      "doctor",
    );
  }
  if (allowed.length > 0 && !isReadOnly) {
    return mistake("--allow-writes-to has a meaning with --read-only only: give both.", "doctor");
  }
  const allowWritesTo = allowed.flatMap(namesIn);
  if (allowWritesTo.some((name) => name === "")) {
    return mistake("--allow-writes-to takes names of tables with commas between them.", "doctor");
  }
  const readOnly = isReadOnly ? { allowWritesTo } : undefined;
  return { kind: "doctor", json, timeoutMillis: seconds * 1000, readOnly };
}

function parseExplain(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: withCountOfTop(args),
    allowPositionals: true,
    options: {
      ...help,
      json: { type: "boolean" },
      offline: { type: "boolean" },
      file: { type: "string" },
      top: { type: "string" },
    },
  });
  if (values.help) return { kind: "help", text: EXPLAIN_HELP };
  const { json = false, offline = false, file, top } = values;
  const wrong = (message: string): Command => mistake(message, "explain");
  if (positionals.length > 1) return wrong("The SQL must be one argument: put it in quotes.");
  const [text] = positionals;
  if ([text, file, top].filter((one) => one !== undefined).length > 1) {
    return wrong("SQL, --file and --top are different questions: give one of them.");
  }
  if (file !== undefined) {
    if (file === "") return wrong("--file takes the name of a file.");
    return { kind: "explain", of: { kind: "file", path: file }, json, offline };
  }
  if (top === undefined) {
    const of = { kind: "text", text: text === "-" ? undefined : text } as const;
    return { kind: "explain", of, json, offline };
  }
  if (offline) return wrong("--top asks the database, and --offline does not: give one of them.");
  if (!/^[1-9]\d{0,4}$/.test(top) || Number(top) > 10_000) {
    return wrong(`--top takes a number from 1 to 10000, not ${JSON.stringify(top)}.`);
  }
  return { kind: "explain", of: { kind: "busiest", count: Number(top) }, json, offline };
}

/** `--top` may stand without a number, which parseArgs does not know. */
function withCountOfTop(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.map((arg, at) => {
    const isAlone = arg === "--top" && (end < 0 || at < end) && !/^-?\d/.test(args[at + 1] ?? "");
    return isAlone ? "--top=50" : arg;
  });
}

/** The parts between commas; a comma in quotes is part of a name. */
function namesIn(list: string): string[] {
  return [...list.matchAll(/(?:^|,)((?:"[^"]*"|[^",]|"[^"]*$)*)/g)].map(([, name = ""]) =>
    name.trim(),
  );
}

function parsing(command: string, parse: () => Command): Command {
  try {
    return parse();
  } catch (error) {
    // parseArgs explains at length; the first sentence says it.
    const message = (error as Error).message.split(". ")[0] ?? "";
    return mistake(message.endsWith(".") ? message : `${message}.`, command);
  }
}

function mistake(message: string, command?: string): Command {
  const program = command === undefined ? "pointsman" : `pointsman ${command}`;
  return { kind: "mistake", message: `${message} See ${program} --help.` };
}
