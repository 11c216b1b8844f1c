import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SlowestTexts } from "../../src/monitoring/slowest-texts.ts";
import type { StatementEvent } from "../../src/telemetry/events.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const answered = (text: string, durationMs: number): StatementEvent => ({
  id: 1,
  text,
  effect: "read",
  commands: ["SELECT"],
  relations: [],
  writes: [],
  target: "reader",
  reason: "plain-read",
  endpoint: "r:1",
  durationMs,
  retries: 0,
  freshness: "known",
});

test("texts that differ in their values and blanks are one", () => {
  const slowest = new SlowestTexts();
  slowest.count(answered("select  a\n from t where id = 1", 2));
  slowest.count(answered("select a from t where id = 2 -- by Ada", 4));
  expect(slowest.top(10)).toEqual([
    {
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
  slowest.count(answered("select U&'secret'", 2));
  slowest.count(answered(`select '${"secret ".repeat(10_000)}'`, 2));
  expect(slowest.top(2)).toMatchObject([{ text: "SELECT …", count: 2 }]);
});

test("those with the most time in all are told, and those with the most of late", () => {
  const slowest = new SlowestTexts();
  slowest.count(answered("select long_ago", 1000));
  slowest.count(answered("select a_little", 1));
  vi.advanceTimersByTime(10 * 60_000);
  slowest.count(answered("select just_now", 10));
  expect(slowest.top(1).map(({ text }) => text)).toEqual(["select long_ago", "select just_now"]);
});

test("it keeps a bounded number of texts, and the ones that keep coming", () => {
  const slowest = new SlowestTexts();
  for (let n = 0; n < 3000; n++) {
    slowest.count(answered(`select column_${n} from t`, 1));
    slowest.count(answered("select again from t", 1));
  }
  const rows = slowest.top(5000);
  expect(rows).toHaveLength(1000);
  expect(rows.find(({ text }) => text === "select again from t")?.count).toBe(3000);
});

test("a long text is cut, and tells nothing of its literals", () => {
  const slowest = new SlowestTexts();
  slowest.count(answered(`select ${"a, ".repeat(1000)} 'secret'`, 1));
  expect(slowest.top(1)[0]?.text).toHaveLength(501);
});
