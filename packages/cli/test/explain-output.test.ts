import { stripVTControlCharacters } from "node:util";
import type { Explanation } from "pointsman";
import { describe, expect, test } from "vitest";
import { Tree } from "../src/explain/tree.ts";
import { percent, reportOf } from "../src/load/load-report.ts";
import type { Answer } from "../src/routes/route.ts";
import { tableOf } from "../src/routes/table.ts";

const read: Explanation = {
  target: "reader",
  reason: "plain-read",
  because: "It only reads, and every function in it is known to be harmless.",
  effect: "read",
  commands: ["SELECT"],
  tables: { reads: [], writes: [] },
  functions: [],
  causes: [],
};

const write: Explanation = {
  ...read,
  target: "writer",
  reason: "writing-object",
  because:
    "A view, an operator, a cast or a type in it leads to a function that changes the database.",
  effect: "write",
  tables: {
    reads: [{ schema: "shop", name: "tickets" }, { name: "books" }],
    writes: [{ name: "log" }],
  },
  functions: [
    { name: "lower", knowledge: "harmless" },
    { schema: "shop", name: "publish", knowledge: "unknown" },
  ],
  causes: [
    { kind: "function", name: "shop.total", because: "only reads", decides: false },
    {
      kind: "relation",
      name: "shop.tickets",
      because: "calls shop.next_ticket, which calls nextval",
      decides: true,
    },
  ],
  rule: "shop.*",
};

const refused: Answer = { refused: { code: "READ_ONLY_MODE", message: "The pool is read-only." } };

describe("a tree", () => {
  test("has a branch for everything that is known, within the width", () => {
    expect(
      new Tree(60, false).draw(
        "select lower(name)\n  from shop.tickets, books where shop.publish(id)",
        write,
      ),
    ).toBe(`select lower(name) from shop.tickets, books where shop.publ…
├─ statement   SELECT
├─ effect      write
├─ functions   lower         PostgreSQL's own, and harmless
│              shop.publish  not known: may do anything
├─ reads       shop.tickets, books
├─ writes      log
├─ rule        tables: shop.*
├─ database    ✗ relation shop.tickets calls
│                shop.next_ticket, which calls nextval
│              ✓ function shop.total only reads
└─ writer      writing-object
               A view, an operator, a cast or a type in it
               leads to a function that changes the
               database.
`);
  });

  test("is of what would be, where shadow keeps it on the writer", () => {
    const drawn = new Tree(80, false).draw("select 1", {
      ...read,
      target: "writer",
      reason: "shadow",
      shadow: read,
    });
    expect(drawn).toContain("└─ reader      plain-read\n");
    expect(drawn).toContain("shadow: for now it runs on the writer");
  });

  test("tells what a read-only pool would not send", () => {
    expect(new Tree(80, false).draw("delete from t", refused)).toBe(`delete from t
└─ nowhere     READ_ONLY_MODE
               The pool is read-only.
`);
  });

  test.each([
    ["reader", "32", read],
    ["writer", "33", write],
    ["nowhere", "31", refused],
  ])("in colours has the same text as without: %s", (_, code, answer) => {
    const coloured = new Tree(80, true).draw("select 1", answer);
    expect(coloured).toContain(`\u001b[${code}m`);
    expect(stripVTControlCharacters(coloured)).toBe(new Tree(80, false).draw("select 1", answer));
  });

  test("does not let a text steer the terminal", () => {
    const drawn = new Tree(80, false).draw("select '\u001b[2J\u009b31m'", {
      ...read,
      functions: [{ name: "a\u001b[31m", knowledge: "unknown" }],
    });
    expect(drawn).not.toContain("\u001b");
    expect(drawn).not.toContain("\u009b");
  });
});

describe("a table", () => {
  test("shortens texts to what is left of the width", () => {
    const rows = [
      { text: `-- one\nselect ${"a".repeat(80)}`, answer: read, n: 1 },
      { text: undefined, answer: undefined, n: 12 },
    ];
    const table = tableOf(rows, [{ title: "n", of: ({ n }) => String(n) }], 60, false);
    expect(table).toBe(` n  goes to  reason      text
 1  reader   plain-read  select ${"a".repeat(27)}…
12  unknown              (not shown to this user, or lost)
`);
  });

  test("in colours has the same text as without", () => {
    const rows = [
      { text: "select 1", answer: read },
      { text: "delete", answer: write },
    ];
    const coloured = tableOf(rows, [], 80, true);
    expect(coloured).toContain("\u001b[33m");
    expect(stripVTControlCharacters(coloured)).toBe(tableOf(rows, [], 80, false));
  });
});

test("a load is shared out among those who would serve it, and what nobody can tell", () => {
  const rows = [
    { text: "a", answer: read, calls: 60, milliseconds: 10 },
    { text: "b", answer: write, calls: 20, milliseconds: 50 },
    { text: "c", answer: refused, calls: 5, milliseconds: 0 },
    { text: undefined, answer: undefined, calls: 5, milliseconds: 20 },
  ];
  const report = reportOf(rows, { statements: 10, calls: 100, milliseconds: 200 });
  expect(report).toEqual({
    reader: { statements: 1, calls: 60, milliseconds: 10, ofCalls: 0.6, ofTime: 0.05 },
    writer: { statements: 1, calls: 20, milliseconds: 50, ofCalls: 0.2, ofTime: 0.25 },
    nowhere: { statements: 1, calls: 5, milliseconds: 0, ofCalls: 0.05, ofTime: 0 },
    rest: { statements: 7, calls: 15, milliseconds: 140, ofCalls: 0.15, ofTime: 0.7 },
  });
});

test("nothing has no share of nothing", () => {
  const { reader } = reportOf([], { statements: 0, calls: 0, milliseconds: 0 });
  expect(percent(reader.ofCalls)).toBe("0.0 %");
});
