import { basename } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "mistake"; readonly message: string }
  | ExecCommand
  | DoctorCommand;

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

const HELP = `Usage: pointsman <command> [options]

Commands:
  exec      run a program (psql, pg_dump, a migration tool) against the writer
            or a reader, with a fresh password or token in its environment
  doctor    check every step of the way to the database, and tell what to mend;
            with --read-only, whether the database itself refuses writes

Options:
  --help, -h   print this; pointsman <command> --help tells more
  --version    print the version

Both use the application's own environment: DATABASE_URL, DATABASE_READER_URL,
DATABASE_AUTH.
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
