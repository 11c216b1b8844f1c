import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { Line } from "../src/doctor/examine.ts";
import { Table } from "../src/doctor/table.ts";
import { tableOf } from "../src/routes/table.ts";
import { wrap } from "../src/wrap.ts";

const line: Line = {
  check: "TCP",
  mark: "bad",
  found: "127.0.0.1:1 refuses connections",
  remedy:
    "Nothing listens there. Is the server running, and is 1 its port? If so, ask whoever runs it.",
  milliseconds: 1,
};

test("a remedy stands under what was found, within the width", () => {
  expect(new Table(80, false).line(line)).toBe(
    `  ✗ bad      TCP            127.0.0.1:1 refuses connections
                            → Nothing listens there. Is the server running, and
                              is 1 its port? If so, ask whoever runs it.
`,
  );
});

test("a list has a row for each of its items", () => {
  const remedy = "Usual causes: (1) this; (2) that (see there); (3) both. Good luck.";
  expect(new Table(80, false).line({ ...line, remedy })).toBe(
    `  ✗ bad      TCP            127.0.0.1:1 refuses connections
                            → Usual causes:
                              (1) this;
                              (2) that (see there);
                              (3) both. Good luck.
`,
  );
});

test("a wider terminal has longer rows", () => {
  expect(new Table(120, false).line(line)).toBe(
    `  ✗ bad      TCP            127.0.0.1:1 refuses connections
                            → Nothing listens there. Is the server running, and is 1 its port? If so, ask whoever runs
                              it.
`,
  );
});

test.each([
  ["ok", "32"],
  ["look", "33"],
  ["bad", "31"],
  ["skipped", "90"],
] as const)("%s has its colour, and the same text as without", (mark, code) => {
  const coloured = new Table(80, true).line({ ...line, mark });
  expect(coloured).toContain(`\u001b[${code}m`);
  const plain = stripVTControlCharacters(coloured);
  expect(plain).toBe(new Table(80, false).line({ ...line, mark }));
});

test("the summary leaves out what there was none of", () => {
  const lines = [line, { ...line, mark: "ok" as const }, { ...line, mark: "ok" as const }];
  expect(new Table(80, false).summary(lines)).toBe("\n2 ok, 1 bad\n");
});

test("a table of routes has as many rows as there are", () => {
  const row = { text: "select 1", answer: undefined };
  const rows = Array.from({ length: 200_000 }, () => row);
  const table = tableOf(rows, [{ title: "line", of: () => "1" }], 80, false);
  expect(table.split("\n")).toHaveLength(200_002);
});

describe("text is broken", () => {
  test.each([
    ["a bb ccc", 4, ["a bb", "ccc"]],
    ["a bb ccc", 80, ["a bb ccc"]],
    [
      "at shop.cluster-ro.example.com:5432 now",
      16,
      ["at", "shop.cluster-ro.", "example.com:5432", "now"],
    ],
    ["aaaaaaaaaa", 4, ["aaaa", "aaaa", "aa"]],
    ["", 4, [""]],
  ])("%j to %i columns", (text, width, rows) => {
    expect(wrap(text, width)).toEqual(rows);
  });
});
