import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SlowestTexts } from "../../src/monitoring/slowest-texts.ts";
import { answered } from "../support/answered-statement.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const answer = (text: string, durationMs: number) => ({ ...answered, text, durationMs });

test("texts that differ in their values and blanks are one", () => {
  const slowest = new SlowestTexts();
  slowest.count(answer("select  a\n from t where id = 1", 2));
  slowest.count(answer("select a from t where id = 2 -- by Ada", 4));
  expect(slowest.told(10).slowest).toEqual([
    {
      id: 1,
      text: "select a from t where id = ?",
      role: "reader",
      reason: "plain-read",
      count: 2,
      meanMs: 3,
      maxMs: 4,
      totalMs: 6,
    },
  ]);
});

test("of a text that cannot be read with certainty its command is told, and nothing else", () => {
  const slowest = new SlowestTexts();
  slowest.count(answer("select U&'secret'", 2));
  slowest.count(answer(`select '${"secret ".repeat(10_000)}'`, 2));
  expect(slowest.told(2).slowest).toMatchObject([{ text: "SELECT …", count: 2 }]);
});

test("those with the most time in all are told, and those with the most of late", () => {
  const slowest = new SlowestTexts();
  slowest.count(answer("select long_ago", 1000));
  slowest.count(answer("select a_little", 1));
  vi.advanceTimersByTime(10 * 60_000);
  slowest.count(answer("select just_now", 10));
  expect(slowest.told(1).slowest.map(({ text }) => text)).toEqual([
    "select long_ago",
    "select just_now",
  ]);
});

test("of all others that are kept the numbers are told, without their texts", () => {
  const slowest = new SlowestTexts();
  for (let n = 1; n <= 5; n++) slowest.count(answer(`select column_${n} from t`, n));
  slowest.count(answer("select column_2 from t", 0.25));
  const told = slowest.told(1);
  expect(told.slowest.map(({ id }) => id)).toEqual([5]);
  expect(told.others.toSorted(([a], [b]) => a - b)).toEqual([
    [1, 1, 1],
    [2, 2, 2.25],
    [3, 1, 3],
    [4, 1, 4],
  ]);
});

test("a text that was forgotten and comes again is another row than it was", () => {
  const slowest = new SlowestTexts();
  slowest.count(answer("select again from t", 1));
  for (let n = 0; n < 1000; n++) slowest.count(answer(`select column_${n} from t`, 1));
  slowest.count(answer("select again from t", 10));
  expect(slowest.told(1).slowest).toMatchObject([{ id: 1002, count: 1 }]);
});

test("it keeps a bounded number of texts, and the ones that keep coming", () => {
  const slowest = new SlowestTexts();
  for (let n = 0; n < 3000; n++) {
    slowest.count(answer(`select column_${n} from t`, 1));
    slowest.count(answer("select again from t", 1));
  }
  const rows = slowest.told(5000).slowest;
  expect(rows).toHaveLength(1000);
  expect(rows.find(({ text }) => text === "select again from t")?.count).toBe(3000);
});

test("a long text is cut, and tells nothing of its literals", () => {
  const slowest = new SlowestTexts();
  slowest.count(answer(`select ${"a, ".repeat(1000)} 'secret'`, 1));
  expect(slowest.told(1).slowest[0]?.text).toHaveLength(501);
});
