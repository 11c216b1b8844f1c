import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpeningRate } from "../../src/auth/opening-rate.ts";

describe("the rate of opening connections", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** So many that all want to open at once, and when they did. */
  function crowd(rate: OpeningRate, count: number): number[] {
    const openedAt: number[] = [];
    for (let n = 0; n < count; n++) rate.wait(() => openedAt.push(performance.now()));
    return openedAt;
  }

  it("lets a tenth of a second's worth through at once", () => {
    expect(crowd(new OpeningRate(100), 50)).toHaveLength(10);
  });

  it("opens no more in any second than the rate and a burst, and no less than the rate", () => {
    const start = performance.now();
    const openedAt = crowd(new OpeningRate(50), 500);
    vi.advanceTimersByTime(12_000);
    expect(openedAt).toHaveLength(500);
    for (let from = start; from < start + 10_000; from += 50) {
      const within = openedAt.filter((at) => at >= from && at < from + 1000);
      expect(within.length).toBeLessThanOrEqual(56);
    }
    expect(Math.max(...openedAt) - start).toBeGreaterThan(9_000);
    expect(Math.max(...openedAt) - start).toBeLessThan(11_000);
  });

  it("does not make up for time in which the process stood still", () => {
    const openedAt = crowd(new OpeningRate(100), 400);
    const before = openedAt.length;
    const real = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => real() + 5_000);
    vi.advanceTimersByTime(20);
    expect(openedAt.length - before).toBeLessThanOrEqual(13);
    vi.restoreAllMocks();
  });

  it("does not open at even distances", () => {
    const openedAt = crowd(new OpeningRate(10), 50);
    vi.advanceTimersByTime(20_000);
    const fractions = new Set(openedAt.slice(1).map((at) => Math.round(at % 100)));
    expect(fractions.size).toBeGreaterThan(10);
  });

  it("saves up no more than a burst while nothing is opened", () => {
    const rate = new OpeningRate(100);
    crowd(rate, 1);
    vi.advanceTimersByTime(60_000);
    expect(crowd(rate, 30)).toHaveLength(10);
  });

  it("lets one through at once however low it is", () => {
    expect(crowd(new OpeningRate(0.5), 1)).toHaveLength(1);
  });

  it("passes over who has given up", () => {
    const rate = new OpeningRate(10);
    const opened: string[] = [];
    rate.wait(() => opened.push("first"));
    const giveUp = rate.wait(() => opened.push("second"));
    rate.wait(() => opened.push("third"));
    giveUp();
    vi.advanceTimersByTime(1_000);
    expect(opened).toEqual(["first", "third"]);
  });
});
