import { describe, expect, test } from "vitest";
import { descriptions, parseCommand } from "../src/cli-arguments.ts";
import { parseOptions } from "../src/command-line/parse-options.ts";

const parse = (line: string) => parseCommand(line.split(" ").filter(Boolean));

describe("exec", () => {
  test.each([
    ["exec -- psql", { side: "writer", readerIndex: 1, program: "psql", args: [] }],
    ["exec psql", { side: "writer", program: "psql", args: [] }],
    ["exec --writer -- psql -c x", { side: "writer", program: "psql", args: ["-c", "x"] }],
    ["exec --reader -- psql", { side: "reader", readerIndex: 1, program: "psql" }],
    ["exec --reader-index 2 -- psql", { side: "reader", readerIndex: 2, program: "psql" }],
    ["exec --reader-index=2 psql", { side: "reader", readerIndex: 2, program: "psql" }],
    ["exec -- tool -- --help", { program: "tool", args: ["--", "--help"] }],
    [
      "exec tool --help --reader",
      { side: "writer", program: "tool", args: ["--help", "--reader"] },
    ],
  ])("%s", (line, expected) => {
    expect(parse(line)).toMatchObject({ kind: "exec", ...expected });
  });

  test.each([
    ["exec -- prisma migrate deploy", true],
    ["exec -- ./node_modules/.bin/prisma migrate deploy", true],
    ["exec -- npx prisma migrate deploy", true],
    ["exec -- npx --yes prisma@6 migrate deploy", true],
    ["exec -- pnpm exec prisma migrate deploy", true],
    ["exec --prisma -- npm run migrate", true],
    ["exec -- npm run migrate", false],
    ["exec -- psql -U prisma", false],
    ["exec -- npx drizzle-kit migrate", false],
  ])("%s: for Prisma's own engine? %s", (line, prisma) => {
    expect(parse(line)).toMatchObject({ kind: "exec", prisma });
  });

  test.each([
    ["exec", "There is no program to run: put one behind --. See pointsman exec --help."],
    [
      "exec --reader --",
      "There is no program to run: put one behind --. See pointsman exec --help.",
    ],
    ["exec --wat -- psql", "Unknown option '--wat'. See pointsman exec --help."],
    [
      "exec --writer --reader -- psql",
      "--writer and --reader are different endpoints: give one of them. See pointsman exec --help.",
    ],
    [
      "exec --reader-index 0 -- psql",
      '--reader-index takes a number that counts from 1, not "0". See pointsman exec --help.',
    ],
  ])("%s is a mistake", (line, message) => {
    expect(parse(line)).toEqual({ kind: "mistake", message });
  });
});

describe("doctor", () => {
  test.each([
    ["doctor", { json: false, timeoutMillis: 10_000 }],
    ["doctor --json --timeout 0.5", { json: true, timeoutMillis: 500 }],
    ["doctor --read-only", { json: false, timeoutMillis: 10_000, readOnly: { allowWritesTo: [] } }],
    [
      'doctor --read-only --allow-writes-to=a,"B,c".* --allow-writes-to d',
      {
        json: false,
        timeoutMillis: 10_000,
        readOnly: { allowWritesTo: ["a", '"B,c".*', "d"] },
      },
    ],
  ])("%s", (line, expected) => {
    expect(parse(line)).toEqual({ kind: "doctor", ...expected });
  });

  test.each([
    ["doctor --timeout soon", '--timeout takes seconds, up to 3600, not "soon".'],
    ["doctor --timeout=", '--timeout takes seconds, up to 3600, not "".'],
    ["doctor --timeout 0", '--timeout takes seconds, up to 3600, not "0".'],
    [
      "doctor --allow-writes-to books",
      "--allow-writes-to has a meaning with --read-only only: give both.",
    ],
    [
      "doctor --read-only --allow-writes-to=a,",
      "--allow-writes-to takes names of tables with commas between them.",
    ],
    [
      "doctor --read-only --allow-writes-to=",
      "--allow-writes-to takes names of tables with commas between them.",
    ],
    ["doctor now", "Unexpected argument 'now'."],
  ])("%s is a mistake", (line, message) => {
    expect(parse(line)).toEqual({
      kind: "mistake",
      message: `${message} See pointsman doctor --help.`,
    });
  });
});

describe("explain", () => {
  const explain = (of: object, options: object = {}) => ({
    kind: "explain",
    of,
    json: false,
    offline: false,
    ...options,
  });

  test.each([
    ["explain select", explain({ kind: "text", text: "select" })],
    [
      "explain --offline --json -- --select",
      explain({ kind: "text", text: "--select" }, { offline: true, json: true }),
    ],
    ["explain", explain({ kind: "text" })],
    ["explain -", explain({ kind: "text" })],
    ["explain --file a.sql", explain({ kind: "file", path: "a.sql" })],
    ["explain --file -", explain({ kind: "file", path: "-" })],
    ["explain --top", explain({ kind: "busiest", count: 50 })],
    ["explain --top --json", explain({ kind: "busiest", count: 50 }, { json: true })],
    ["explain --top 7", explain({ kind: "busiest", count: 7 })],
    ["explain --json --top=10000", explain({ kind: "busiest", count: 10_000 }, { json: true })],
    ["explain -- --top", explain({ kind: "text", text: "--top" })],
  ])("%s", (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });

  test.each([
    ["explain select 1", "The SQL must be one argument: put it in quotes."],
    ["explain --file a.sql x", "SQL, --file and --top are different questions: give one of them."],
    [
      "explain --top --file a.sql",
      "SQL, --file and --top are different questions: give one of them.",
    ],
    ["explain --top x", "SQL, --file and --top are different questions: give one of them."],
    ["explain --file=", "--file takes the name of a file."],
    ["explain --top 0", '--top takes a number from 1 to 10000, not "0".'],
    ["explain --top=10001", '--top takes a number from 1 to 10000, not "10001".'],
    ["explain --top=", '--top takes a number from 1 to 10000, not "".'],
    ["explain --top 1.5", '--top takes a number from 1 to 10000, not "1.5".'],
    [
      "explain --top --offline",
      "--top asks the database, and --offline does not: give one of them.",
    ],
    ["explain --wat", "Unknown option '--wat'."],
  ])("%s is a mistake", (line, message) => {
    expect(parse(line)).toEqual({
      kind: "mistake",
      message: `${message} See pointsman explain --help.`,
    });
  });
});

describe("check", () => {
  const check = (of: object, limits: object, options: object = {}) => ({
    kind: "check",
    of,
    limits,
    by: "calls",
    json: false,
    offline: false,
    ...options,
  });
  const statistics = (count: number) => ({ kind: "statistics", count });
  const file = { kind: "file", path: "a.sql" };

  test.each([
    ["check --max-writer 40%", check(statistics(5000), { all: 0.4 })],
    ["check --max-writer-reads=0 --json", check(statistics(5000), { reads: 0 }, { json: true })],
    [
      "check --max-writer .4 --max-writer-reads 2.5% --by time --top 7",
      check(statistics(7), { all: 0.4, reads: 0.025 }, { by: "time" }),
    ],
    ["check --top --max-writer 1", check(statistics(5000), { all: 1 })],
    [
      "check --max-writer 0.4 --file a.sql --offline --options o.json",
      check(file, { all: 0.4 }, { by: "statements", offline: true, optionsPath: "o.json" }),
    ],
  ])("%s", (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });

  test.each([
    ["check", "There is no limit to hold: give --max-writer-reads, --max-writer or both."],
    [
      "check --file a.sql",
      "There is no limit to hold: give --max-writer-reads, --max-writer or both.",
    ],
    ["check --max-writer 40", '--max-writer takes a share such as 40% or 0.4, not "40".'],
    ["check --max-writer 101%", '--max-writer takes a share such as 40% or 0.4, not "101%".'],
    ["check --max-writer=", '--max-writer takes a share such as 40% or 0.4, not "".'],
    [
      "check --max-writer-reads few",
      '--max-writer-reads takes a share such as 40% or 0.4, not "few".',
    ],
    ["check --max-writer 1 --by cost", '--by takes calls or time, not "cost".'],
    [
      "check --max-writer 1 --file a.sql --by time",
      "A file does not tell calls and time: give --by without --file.",
    ],
    [
      "check --max-writer 1 --file a.sql --top 5",
      "--file and --top are different questions: give one of them.",
    ],
    [
      "check --max-writer 1 --offline",
      "pg_stat_statements is in the database: --offline needs --file.",
    ],
    ["check --max-writer 1 --file=", "--file takes the name of a file."],
    ["check --max-writer 1 --options=", "--options takes the name of a file."],
    ["check --max-writer 1 --top 0", '--top takes a number from 1 to 10000, not "0".'],
    ["check --max-writer 1 now", "Unexpected argument 'now'."],
  ])("%s is a mistake", (line, message) => {
    expect(parse(line)).toEqual({
      kind: "mistake",
      message: `${message} See pointsman check --help.`,
    });
  });
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])("%s", (shell) => {
    expect(parse(`completion ${shell}`)).toEqual({ kind: "completion", shell });
  });

  test.each(["completion", "completion tcsh", "completion bash zsh"])("%s is a mistake", (line) => {
    expect(parse(line)).toEqual({
      kind: "mistake",
      message:
        "It takes the name of one shell: bash, zsh or fish. See pointsman completion --help.",
    });
  });
});

test.each([
  ["", "There is no command. See pointsman --help."],
  ["docter", 'There is no command "docter". See pointsman --help.'],
])("%j is a mistake", (line, message) => {
  expect(parse(line)).toEqual({ kind: "mistake", message });
});

test("help is for each command, and fits into 80 columns", () => {
  const ofCommands = descriptions.flatMap(({ name }) => [`${name} --help`, `${name} -h`]);
  for (const line of ["--help", "-h", "help", ...ofCommands]) {
    const command = parse(line);
    expect(command.kind, line).toBe("help");
    const { text } = command as { text: string };
    for (const row of text.split("\n")) expect(row.length, row).toBeLessThanOrEqual(80);
  }
});

test("--version", () => {
  expect(parse("--version")).toEqual({ kind: "version" });
});

/** The options in a help, with a value where they take one. */
function optionsIn(text: string): string[] {
  const [, list = ""] = /\nOptions:\n([\s\S]*?)\n\n/.exec(text) ?? [];
  return [...list.matchAll(/^ {2}(--[a-z-]+)(?:, -[a-z])?( [A-Z]+)?/gm)].map(
    ([, name = "", value]) => (value === undefined ? name : `${name}=1`),
  );
}

describe.each(descriptions.map((one) => [one.name, one] as const))("%s", (name, description) => {
  const { text } = parse(`${name} --help`) as { text: string };

  test("accepts every option that its help has, and its help has every option", () => {
    const typed = optionsIn(text);
    const names = typed.map((option) => option.split("=")[0]?.slice(2)).sort();
    expect(names).toEqual([...Object.keys(description.options), "help"].sort());
    for (const option of typed) {
      const given = parseOptions(description, [option]);
      if (option === "--help") expect(given).toBe("help");
      else expect(Object.keys((given as { values: object }).values)).toHaveLength(1);
    }
  });

  test("has every exit status in its help", () => {
    for (const status of Object.keys(description.exitStatuses)) {
      expect(text).toMatch(new RegExp(`\n  ${status.replace("+", "\\+")} +\\w`));
    }
  });

  test("is named in the help of all", () => {
    const { text: overview } = parse("--help") as { text: string };
    expect(overview).toContain(`\n  ${name} `);
  });
});
