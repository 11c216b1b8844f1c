import { expect, test } from "vitest";
import { parseCommand } from "../../src/cli-arguments.ts";
import { openSource } from "../../src/top/open-source.ts";

const parse = (line: string) => parseCommand(line.split(" "));

test.each([
  ["top", { source: undefined, intervalMillis: 1000, once: false, json: false, noColor: false }],
  ["top /run/shop", { source: "/run/shop", intervalMillis: 1000 }],
  ["top --interval 0.5 --once", { intervalMillis: 500, once: true }],
  ["top --interval=3600 --json --no-color x", { source: "x", json: true, noColor: true }],
])("%s", (line, expected) => {
  expect(parse(line)).toMatchObject({ kind: "top", ...expected });
});

test.each([
  ["top a b", "There is one SOURCE: a directory has the sockets of all processes."],
  ["top ", "SOURCE is a directory, a socket or a URL, and not empty."],
  ["top --interval 0", '--interval takes seconds, 0.1 to 3600, not "0".'],
  ["top --interval soon", '--interval takes seconds, 0.1 to 3600, not "soon".'],
  ["top --interval=", '--interval takes seconds, 0.1 to 3600, not "".'],
  ["top --interval 3601", '--interval takes seconds, 0.1 to 3600, not "3601".'],
  ["top --every 1", "Unknown option '--every'."],
])("%s is a mistake", (line, message) => {
  expect(parse(line)).toEqual({
    kind: "mistake",
    message: `${message} See pointsman top --help.`,
  });
});

test("the help fits into any terminal", () => {
  const help = parse("top --help");
  expect(help.kind).toBe("help");
  const { text } = help as { readonly text: string };
  expect(text).toContain("Exit status:");
  expect(text.split("\n").filter((row) => row.length > 80)).toEqual([]);
});

test.each([
  ["/run/shop", "/run/shop"],
  ["http://localhost:9464/metrics", "http://localhost:9464/metrics"],
  ["https://ada:secret@example.com/metrics", "https://example.com/metrics"],
])("the source %s is called %s", (given, name) => {
  expect(openSource(given, 1000, {})).toMatchObject({ name });
});

test.each([
  [undefined, {}, "There is nothing to look at"],
  [undefined, { DATABASE_STATS_SOCKET: "" }, "There is nothing to look at"],
  ["unix:///run/shop", {}, "begins with http:// or https://"],
  ["http://", {}, "begins with http:// or https://"],
  ["http://user:50%off@host/metrics", {}, "write a % in it as %25"],
  ["https://50%off:secret@host/metrics", {}, "write a % in it as %25"],
])("the source %s makes no sense", (given, environment, problem) => {
  const told = openSource(given, 1000, environment);
  expect(told).toContain(problem);
  expect(told).not.toMatch(/off|secret/);
});
