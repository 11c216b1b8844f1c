import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { ShadowReport } from "../../src/shadow/shadow-report.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const route = { target: "reader", reason: "plain-read" } as const;

/** A text of its own, a piece of a longer one. */
const distinct = (n: number): string =>
  `-- ${"a file".repeat(50)}\nselect * from books where id = ${n} /* ${"x".repeat(300)} */`.slice(
    303,
  );

it("100,000 distinct texts take no more memory than the first thousands", () => {
  const report = new ShadowReport();
  const fill = (from: number, to: number): void => {
    for (let n = from; n < to; n++) report.count(distinct(n), route, true);
  };
  fill(0, 5_000);
  const before = heapBytes();
  fill(5_000, 105_000);
  expect(heapBytes() - before).toBeLessThan(2 * 1024 * 1024);
  const { targets, texts } = report.stats([]);
  expect(targets).toEqual({ writer: 0, reader: 105_000 });
  expect(texts).toHaveLength(100);
});

it("a text that is sent again and again is the busiest, though all others are sent once", () => {
  const report = new ShadowReport();
  for (let n = 0; n < 100_000; n++) {
    report.count(distinct(n), route, true);
    if (n % 100 === 0) report.count("select 1", route, true);
  }
  expect(report.stats([]).texts[0]).toEqual({
    text: "select 1",
    ...route,
    statements: 1000,
    refusals: 0,
    tooSoon: 0,
  });
});

it("long texts are cut, and what they have in common is counted together", () => {
  const report = new ShadowReport();
  const long = `select ${"1, ".repeat(10_000)}`;
  for (const end of ["2", "3"]) report.count(long + end, route, true);
  const [text, ...others] = report.stats([]).texts;
  expect(others).toEqual([]);
  expect(text).toMatchObject({ text: `${long.slice(0, 1000)}…`, statements: 2 });
});

it("reads are counted by how soon after a write they came, and against the lag", () => {
  const report = new ShadowReport();
  report.count("select 1", route, true);
  const seen: readonly [number, number | undefined][] = [
    [0, 5],
    [0.9, undefined],
    [1, 0.5],
    [9.9, 20],
    [10, 20],
    [500, 20],
    [1e6, 20],
  ];
  for (const [sinceWriteMs, lagMs] of seen) {
    report.count(
      "select 1",
      { ...route, sinceWriteMs, ...(lagMs === undefined ? {} : { lagMs }) },
      true,
    );
  }
  expect(report.stats([]).reads).toEqual({
    withoutWrite: 1,
    afterWrite: [
      { fromMs: 0, reads: 2 },
      { fromMs: 1, reads: 2 },
      { fromMs: 10, reads: 1 },
      { fromMs: 100, reads: 1 },
      { fromMs: 1_000, reads: 0 },
      { fromMs: 10_000, reads: 1 },
    ],
    tooSoon: 3,
  });
});
