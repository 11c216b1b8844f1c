import { describe, expect, test } from "vitest";
import { parseCommand } from "../src/cli-arguments.ts";

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

test.each([
  ["", "There is no command. See pointsman --help."],
  ["docter", 'There is no command "docter". See pointsman --help.'],
])("%j is a mistake", (line, message) => {
  expect(parse(line)).toEqual({ kind: "mistake", message });
});

test("help is for each command, and fits into 80 columns", () => {
  for (const line of [
    "--help",
    "-h",
    "help",
    "exec --help",
    "exec -h",
    "doctor --help",
    "explain --help",
  ]) {
    const command = parse(line);
    expect(command.kind, line).toBe("help");
    const { text } = command as { text: string };
    for (const row of text.split("\n")) expect(row.length, row).toBeLessThanOrEqual(80);
  }
});

test("--version", () => {
  expect(parse("--version")).toEqual({ kind: "version" });
});
