import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseArguments, UsageError } from "../src/harness/arguments.ts";
import type { Benchmark, Goal } from "../src/harness/benchmark.ts";
import { chooseComparisons } from "../src/harness/choose-comparisons.ts";
import { defaultRounds, effortFor, quickRounds } from "../src/harness/effort.ts";
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
      options: { json: undefined, profile: undefined, rounds: undefined, quick: false },
    });
  });

  it("say how many rounds there are", () => {
    expect(parseArguments(["a", "--quick", "--rounds", "7"])).toMatchObject({
      options: { rounds: 7, quick: true },
    });
  });

  it.each([[], ["a", "b"], ["a", "--rounds", "0"], ["a", "--rounds", "x"], ["a", "--unknown"]])(
    "are refused when they make no sense: %s %s %s",
    (...words) => {
      expect(() => parseArguments(words)).toThrow(UsageError);
    },
  );
});

describe("the effort", () => {
  const nothing: Benchmark = { title: "", contenders: {}, comparisons: [], goals: [] };
  const wanting: Benchmark = { ...nothing, rounds: 12, leastOperations: (callers) => 10 * callers };

  it("is the harness's own where a benchmark wants nothing else", () => {
    expect(effortFor(nothing, false)).toMatchObject({ rounds: defaultRounds, sittings: 4 });
    expect(effortFor(nothing, false).leastOperations(64)).toBe(1);
  });

  it("is what a benchmark wants", () => {
    expect(effortFor(wanting, false).rounds).toBe(12);
    expect(effortFor(wanting, false).leastOperations(64)).toBe(640);
  });

  it("is small in a quick run", () => {
    expect(effortFor(wanting, true)).toMatchObject({ rounds: quickRounds, sittings: 1 });
    expect(effortFor(wanting, true).leastOperations(64)).toBe(160);
  });

  it("has the rounds that were asked for, and no sitting of only a few", () => {
    expect(effortFor(wanting, true, 7).rounds).toBe(7);
    expect(effortFor(wanting, false, 3)).toMatchObject({ rounds: 3, sittings: 1 });
  });
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
    // The comparison that is for full runs is not among them.
    expect(report.results).toHaveLength(2);
    expect(once).toMatchObject({ comparison: "sums", contender: "once", rounds: quickRounds });
    expect(once?.cpuRatio).toBeUndefined();
    expect(twice).toMatchObject({ contender: "twice", baseline: "once", concurrency: 1 });
    expect(twice?.operations).toBe(once?.operations);
    expect(twice?.operations).toBeGreaterThanOrEqual(50);
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

  it("says what is left out, and prints its tables as Markdown", () => {
    expect(report.leftOut).toEqual(["thrice: it is slow"]);
    expect(printed).toContain("left out\n  thrice: it is slow\n");
    expect(printed).toContain(
      "\nRounds\n\n| sums  | rounds |\n| ----- | -----: |\n| once  |      3 |\n| twice |      3 |\n",
    );
  });

  it("prints the same without color, where it is not a terminal", () => {
    expect(printed).toBe(renderReport(report, false));
    expect(printed).not.toContain("\u001b");
    expect(renderReport(report, true)).toContain("\u001b");
  });
});

describe("what is to be measured", () => {
  const comparisons = [
    { name: "some", contenders: ["a"], concurrency: [1, 10, 64], quickConcurrency: [1] },
    { name: "others", contenders: ["a"], concurrency: [1, 10] },
    { name: "many", contenders: ["a"], onlyInFull: true },
  ];
  const all: Benchmark = { title: "", contenders: {}, comparisons, goals: [] };
  const chosen = (quick: boolean, only?: string) =>
    chooseComparisons(all, { quick, only }).map(({ name, concurrency }) => [name, concurrency]);

  it("is everything in a full run", () => {
    expect(chosen(false)).toEqual([
      ["some", [1, 10, 64]],
      ["others", [1, 10]],
      ["many", undefined],
    ]);
  });

  it("is less in a quick run", () => {
    expect(chosen(true)).toEqual([
      ["some", [1]],
      ["others", [1, 10]],
    ]);
  });

  it("is what has the wanted text in its name", () => {
    expect(chosen(false, "man")).toEqual([["many", undefined]]);
  });

  it("is limited to names with a text in them", async () => {
    const { stdout } = await bench("bench/test/tiny.ts", "--quick", "--only", "nonsense");
    expect(stdout).not.toContain("rounds of");
    expect(stdout).toContain("never measured: not measured");
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
