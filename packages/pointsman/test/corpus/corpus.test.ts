import { beforeAll, expect, it } from "vitest";
import { renderRun } from "./report.ts";
import { type CorpusRun, runCorpus } from "./run.ts";
import { missedShare, type Scores, scoresOf } from "./score.ts";
import { defaultSeed, sample, thresholdOf } from "./thresholds.ts";

let run: CorpusRun;
let scores: Scores;

beforeAll(async () => {
  run = await runCorpus(defaultSeed, { every: sample });
  scores = scoresOf(run.labelled);
}, 900_000);

it("is a sample of thousands of statements, most of which the writer accepts", () => {
  expect(run.generated).toBeGreaterThanOrEqual(5_000);
  const accepted = scores.sum.statements + scores.arguable.statements;
  expect(accepted).toBeGreaterThan((run.generated / sample) * 0.9);
});

it("has statements of each class in it", () => {
  const counted = [...scores.topics].map(([topic, { statements }]) => [topic, statements] as const);
  const few = counted.filter(([topic, count]) => topic !== "this-server" && count < 10);
  expect(few).toEqual([]);
  expect(scores.arguable.statements).toBeGreaterThanOrEqual(10);
});

it("has statements of every kind: refused by a reader, accepted wrongly, and as good there", () => {
  expect(scores.sum.refused).toBeGreaterThan(100);
  expect(scores.sum.wrong).toBeGreaterThan(40);
  expect(scores.sum.readable).toBeGreaterThan(300);
});

it("sends no more to the wrong side than it did before", () => {
  const allowed = thresholdOf(run.major);
  const { sum } = scores;
  const found = { unsafe: sum.router.unsafe, missedShare: Number(missedShare(sum).toFixed(4)) };
  const worse = found.unsafe > allowed.unsafe || found.missedShare > allowed.missedShare;
  expect(worse ? renderRun(run, false, true) : "").toBe("");
});

it("does better than both simple rules", () => {
  const { router, keyword, tree } = scores.sum;
  expect(router.unsafe).toBeLessThan(keyword.unsafe);
  expect(router.unsafe).toBeLessThan(tree.unsafe);
});
