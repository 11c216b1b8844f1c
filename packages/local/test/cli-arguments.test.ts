import { expect, test } from "vitest";
import { parseCommand } from "../src/cli-arguments.ts";

test("no flags start the default cluster", () => {
  expect(parseCommand([])).toEqual({ kind: "start", options: {}, lag: 0, json: false });
});

test("every flag reaches its option", () => {
  const args =
    "--readers 2 --lag 50 --port-base 6000 --password p --pg 14 --iam --aurora --json".split(" ");
  expect(parseCommand(args)).toEqual({
    kind: "start",
    options: { readers: 2, portBase: 6000, password: "p", version: "14", iam: true, aurora: true },
    lag: 50,
    json: true,
  });
  expect(parseCommand(["--bin", "/opt/pg"])).toMatchObject({ options: { bin: "/opt/pg" } });
});

test.each(["--help", "-h"])("%s asks for help, whatever else is there", (flag) => {
  expect(parseCommand(["--readers", "x", flag])).toEqual({ kind: "help" });
});

test.each([
  [["--readers", "two"], '--readers takes a whole number, not "two".'],
  [["--lag=-1"], '--lag takes a whole number, not "-1".'],
  [["--port-base", "1e3"], '--port-base takes a whole number, not "1e3".'],
  [["--reader", "2"], "Unknown option '--reader'."],
  [["2"], "Unexpected argument '2'."],
  [["--lag"], "Option '--lag <value>' argument missing."],
  [["--pg", "14", "--bin", "/x"], "--pg and --bin both choose the PostgreSQL: give one of them."],
])("%j is a mistake, told in one line", (args, message) => {
  expect(parseCommand(args)).toEqual({ kind: "mistake", message });
});
