import type { Explanation } from "pointsman";
import { describe, expect, test } from "vitest";
import type { Measure } from "../src/check/check-arguments.ts";
import { type Costly, judge } from "../src/check/judge.ts";
import { kindOf } from "../src/check/kinds.ts";
import { reportOn } from "../src/check/report.ts";
import { percentBeside, percentOfLimit, shareIn } from "../src/check/share.ts";

function routed(
  reason: Explanation["reason"],
  calls: number,
  milliseconds = calls,
  target: Explanation["target"] = "writer",
): Costly {
  const answer: Explanation = {
    target,
    reason,
    because: "",
    effect: "read",
    commands: ["SELECT"],
    tables: { reads: [], writes: [] },
    functions: reason === "unknown-function" ? [{ name: "f", knowledge: "unknown" }] : [],
    causes: [],
  };
  return { text: `select '${reason}'`, calls, milliseconds, answer };
}

const rows = [
  routed("plain-read", 50, 10, "reader"),
  routed("data-change", 30, 10),
  routed("unknown-function", 6, 70),
  routed("hint", 4, 5),
  { text: undefined, answer: undefined, calls: 5, milliseconds: 3 },
];
/** With 5 calls and 2 milliseconds that are not among the rows. */
const load = { statements: 9, calls: 100, milliseconds: 100 };

describe("a judgement", () => {
  test.each<[by: Measure, all: number, reads: number]>([
    ["calls", 0.5, 20 / 70],
    ["time", 0.9, 80 / 90],
  ])("is by %s, and what is unknown counts as reads on the writer", (by, all, reads) => {
    const { verdicts, unknown } = judge(rows, load, by, { all: 0.5, reads: 0.5 });
    expect(verdicts.map(({ of, share }) => [of, share])).toEqual([
      ["reads", expect.closeTo(reads)],
      ["all", expect.closeTo(all)],
    ]);
    expect(unknown).toBeCloseTo(by === "calls" ? 0.1 : 0.05);
  });

  test("is within a limit that is just reached", () => {
    const [verdict] = judge(rows, load, "calls", { all: 0.5, reads: undefined }).verdicts;
    expect(verdict).toEqual({ of: "all", share: 0.5, limit: 0.5, isWithin: true });
  });

  test("has what the limits are about, most costly first", () => {
    const reasons = (all: number | undefined, by: Measure) =>
      judge(rows, load, by, { all, reads: 0 }).offenders.map(({ text }) => text ?? "unknown");
    expect(reasons(undefined, "calls")).toEqual([
      "select 'unknown-function'",
      "unknown",
      "select 'hint'",
    ]);
    expect(reasons(0, "time")).toEqual([
      "select 'unknown-function'",
      "select 'data-change'",
      "select 'hint'",
      "unknown",
    ]);
  });

  test("tells what would pay, by what it would bring", () => {
    const { remedies } = judge(rows, load, "time", { all: 1, reads: 1 });
    expect(remedies.map(({ reason, share }) => [reason, share])).toEqual([
      ["unknown-function", 0.7],
      ["hint", 0.05],
    ]);
  });

  test("of a load without reads is within every limit of reads", () => {
    const writes = [routed("data-change", 3)];
    const { verdicts } = judge(writes, { statements: 1, calls: 3, milliseconds: 3 }, "calls", {
      all: undefined,
      reads: 0,
    });
    expect(verdicts).toEqual([{ of: "reads", share: 0, limit: 0, isWithin: true }]);
  });

  test("leaves aside what a read-only application would not send", () => {
    const refused = { refused: { code: "READ_ONLY_MODE", message: "" } };
    const row = { text: "delete", answer: refused, calls: 5, milliseconds: 5 };
    const { verdicts, offenders } = judge(
      [row, routed("plain-read", 5, 5, "reader")],
      { statements: 2, calls: 10, milliseconds: 10 },
      "calls",
      { all: 0, reads: 0 },
    );
    expect(offenders).toEqual([]);
    expect(verdicts.map(({ share }) => share)).toEqual([0, 0]);
  });
});

test.each([
  ["unknown-function", "read"],
  ["row-lock", "read"],
  ["server-bound", "write"],
  ["transaction-control", "write"],
  ["writing-function", "write"],
  ["too-long", "unknown"],
  ["unparsable", "unknown"],
] as const)("%s is a %s", (reason, kind) => {
  expect(kindOf(routed(reason, 1).answer)).toBe(kind);
});

describe("a report", () => {
  const report = (of: readonly Costly[], limits: { all?: number; reads?: number }) => {
    const total = of.reduce((sum, { calls }) => sum + calls, 0);
    const whole = { statements: of.length, calls: total, milliseconds: total };
    const { all, reads } = limits;
    return reportOn(judge(of, whole, "calls", { all, reads }), "calls", [], [], 80, false);
  };

  test("ends with the verdict", () => {
    expect(report(rows, { reads: 0.05 })).toBe(`share  is       goes to  reason            text
6.3 %  read     writer   unknown-function  select 'unknown-function'
5.3 %  unknown  unknown                    (not shown to this user, or lost)
4.2 %  read     writer   hint              select 'hint'

What would pay
    6.3 %  unknown-function
           Nobody knows what some functions do, and statements that call them go
           to the writer. Say so of those that only read: functions: { "f":
           "read" }.
    4.2 %  hint
           A leading comment asks for the writer: take it away. A read sees what
           was written before it on readers, too.

5.3 % is unknown, and counts as reads that go to the writer. Texts of other
users are shown to members of pg_read_all_stats; what is beyond --top is not
looked at.

23.1 % of the calls of reads go to the writer, more than 5 %
`);
  });

  test("has no more than 20 statements", () => {
    const many = Array.from({ length: 25 }, (_, at) => routed("data-change", 100 - at));
    const told = report(many, { all: 1 });
    expect(told).toContain("\n… and 5 more, 17.7 % of all\n");
    expect(told.match(/data-change {2}/g)).toHaveLength(20);
  });

  test("of nothing on the writer is the verdict alone", () => {
    expect(report([routed("plain-read", 1, 1, "reader")], { all: 0, reads: 0 })).toBe(
      `0.0 % of the calls of reads go to the writer, within 0 %
0.0 % of the calls go to the writer, within 0 %
`,
    );
  });
});

describe("a share", () => {
  test.each([
    ["40%", 0.4],
    [" 40 % ", 0.4],
    ["0.4", 0.4],
    [".4", 0.4],
    ["0", 0],
    ["100%", 1],
    ["2.5%", 0.025],
    ["40", undefined],
    ["-1%", undefined],
    ["1e-2", undefined],
    ["%", undefined],
  ])("%j is %s", (text, share) => {
    if (share === undefined) expect(shareIn(text)).toBeUndefined();
    else expect(shareIn(text)).toBeCloseTo(share);
  });

  test("of a thousand statements is the share that so many of them are", () => {
    for (let calls = 1; calls < 1000; calls++) {
      expect(shareIn(`${calls / 10}%`), `${calls / 10}%`).toBe(calls / 1000);
    }
  });

  test("is told with as many digits as tell it from the limit", () => {
    expect(percentBeside(0.4121, 0.4)).toBe("41.2 %");
    expect(percentBeside(0.40021, 0.4)).toBe("40.02 %");
    expect(percentBeside(0.4, 0.4)).toBe("40.0 %");
    expect(percentBeside(0.07001, 0.07)).toBe("7.001 %");
    expect(percentOfLimit(0.4)).toBe("40 %");
    expect(percentOfLimit(0.025)).toBe("2.5 %");
  });
});
