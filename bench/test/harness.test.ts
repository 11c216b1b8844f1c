import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  defaultRounds,
  parseArguments,
  quickRounds,
  UsageError,
} from "../src/harness/arguments.ts";
import type { Goal } from "../src/harness/benchmark.ts";
import { evaluateGoal } from "../src/harness/goals.ts";
import type { Report } from "../src/harness/report.ts";
import { renderReport } from "../src/harness/report.ts";
import { pairwiseRatios, quantile, type Spread, spreadOf } from "../src/harness/statistics.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

function bench(...words: string[]) {
  return run(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", "bench/src/main.ts", ...words],
    { cwd: root },
  );
}

describe("the statistics", () => {
  it("take the middle of an odd number of values, and the mean of both middles else", () => {
    expect(spreadOf([5, 1, 3]).median).toBe(3);
    expect(spreadOf([4, 1, 3, 2]).median).toBe(2.5);
  });

  it("give the ends and the quarters", () => {
    expect(spreadOf([9, 1, 5, 3, 7])).toEqual({ min: 1, q1: 3, median: 5, q3: 7, max: 9 });
  });

  it("leave the values as they were", () => {
    const values = [3, 1, 2];
    spreadOf(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("pair the rounds of two contenders", () => {
    expect(pairwiseRatios([2, 9, 5], [1, 3, 10])).toEqual([2, 3, 0.5]);
  });

  it("refuse rounds without a partner, and no values at all", () => {
    expect(() => pairwiseRatios([1, 2], [1])).toThrow(RangeError);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe("a goal", () => {
  const measuring = (median: number): Goal["measured"] => {
    const spread: Spread = { min: 1, q1: 1, median, q3: 9, max: 9 };
    return () => spread;
  };

  it("with an upper bound is kept up to the bound", () => {
    expect(evaluateGoal({ name: "a", atMost: 2, measured: measuring(2) }, []).ok).toBe(true);
    expect(evaluateGoal({ name: "a", atMost: 2, measured: measuring(2.1) }, []).ok).toBe(false);
  });

  it("with a lower bound is kept from the bound on", () => {
    expect(evaluateGoal({ name: "a", atLeast: 2, measured: measuring(2) }, []).ok).toBe(true);
    expect(evaluateGoal({ name: "a", atLeast: 2, measured: measuring(1.9) }, []).ok).toBe(false);
  });

  it("that was not measured is neither kept nor missed", () => {
    const outcome = evaluateGoal({ name: "a", atMost: 2, measured: () => undefined }, []);
    expect(outcome).toEqual({ name: "a", goal: 2, bound: "at most", measured: null });
  });

  it("needs exactly one bound", () => {
    expect(() => evaluateGoal({ name: "a", measured: measuring(1) }, [])).toThrow(TypeError);
    expect(() =>
      evaluateGoal({ name: "a", atMost: 1, atLeast: 1, measured: measuring(1) }, []),
    ).toThrow(TypeError);
  });
});

describe("the arguments", () => {
  it("have defaults", () => {
    expect(parseArguments(["routing"])).toEqual({
      kind: "run",
      name: "routing",
      options: { json: undefined, profile: undefined, rounds: defaultRounds, quick: false },
    });
  });

  it("make a quick run short, unless told otherwise", () => {
    expect(parseArguments(["a", "--quick"])).toMatchObject({ options: { rounds: quickRounds } });
    expect(parseArguments(["a", "--quick", "--rounds", "7"])).toMatchObject({
      options: { rounds: 7 },
    });
  });

  it.each([[], ["a", "b"], ["a", "--rounds", "0"], ["a", "--rounds", "x"], ["a", "--unknown"]])(
    "are refused when they make no sense: %s %s %s",
    (...words) => {
      expect(() => parseArguments(words)).toThrow(UsageError);
    },
  );
});

describe("a quick run of a tiny benchmark", () => {
  let folder: string;
  let report: Report;
  let printed: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pointsman-bench-"));
    const file = join(folder, "tiny.json");
    const { stdout } = await bench("bench/test/tiny.ts", "--quick", "--json", file);
    printed = stdout;
    report = JSON.parse(await readFile(file, "utf8")) as Report;
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("says what it ran on", () => {
    expect(report.name).toBe("tiny");
    expect(report.quick).toBe(true);
    expect(report.machine).toEqual({
      cpus: expect.any(Number),
      model: expect.any(String),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      memory: expect.any(Number),
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it("has one result for each contender, and ratios for all but the baseline", () => {
    const [once, twice] = report.results;
    expect(report.results).toHaveLength(2);
    expect(once).toMatchObject({ comparison: "sums", contender: "once", rounds: quickRounds });
    expect(once?.cpuRatio).toBeUndefined();
    expect(twice).toMatchObject({ contender: "twice", baseline: "once", concurrency: 1 });
    expect(twice?.operations).toBe(once?.operations);
    for (const spread of [twice?.wallNs, twice?.cpuNs, twice?.cpuRatio, twice?.throughputRatio]) {
      const { min, median, max } = spread as Spread;
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(median);
    }
  });

  it("judges the goals", () => {
    const [costs, never] = report.goals;
    expect(costs).toMatchObject({ name: "twice costs more", goal: 1, bound: "at least" });
    expect(costs?.ok).toBe((costs?.measured ?? 0) >= 1);
    expect(never).toEqual({ name: "never measured", goal: 1, bound: "at most", measured: null });
  });

  it("prints the same without color, where it is not a terminal", () => {
    expect(printed).toBe(renderReport(report, false));
    expect(printed).not.toContain("\u001b");
    expect(renderReport(report, true)).toContain("\u001b");
  });
});

describe("the command", () => {
  it("names the benchmarks, and refuses one that there is not", async () => {
    const [listed, unknown] = await Promise.all([
      bench("--list"),
      bench("nonsense").catch((error: { code: number; stderr: string }) => error),
    ]);
    expect(listed.stdout).toMatch(/^routing: /m);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("nonsense") });
  });
});
