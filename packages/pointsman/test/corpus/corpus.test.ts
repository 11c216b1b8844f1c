import { findBinaries } from "@pointsman/local";
import { beforeAll, describe, expect, it } from "vitest";
import { renderRun } from "./report.ts";
import { type CorpusRun, runCorpus } from "./run.ts";
import { missedShare, type Scores, scoresOf } from "./score.ts";
import { defaultSeed, shareFor, thresholdOf } from "./thresholds.ts";

const { version } = await findBinaries();
const every = shareFor(Number.parseInt(version, 10));

describe(every === 1 ? "the corpus" : `one of ${every} statements of the corpus`, () => {
  let run: CorpusRun;
  let scores: Scores;

  beforeAll(async () => {
    run = await runCorpus(defaultSeed, { every });
    scores = scoresOf(run.labelled);
  }, 900_000);

  it("has thousands of statements to choose from, most of which the writer accepts", () => {
    expect(run.generated).toBeGreaterThanOrEqual(5_000);
    const accepted = scores.sum.statements + scores.arguable.statements;
    expect(accepted).toBeGreaterThan((run.generated / every) * 0.9);
  });

  it("has a hundred statements of each class, or its share of them", () => {
    const counts = [...scores.topics].map(
      ([topic, { statements }]) => [topic, statements] as const,
    );
    const few = counts.filter(
      ([topic, count]) => topic !== "this-server" && count < Math.round(100 / every),
    );
    expect(few).toEqual([]);
    expect(scores.arguable.statements).toBeGreaterThanOrEqual(Math.round(100 / every));
  });

  it("has statements of every kind: refused by a reader, accepted wrongly, and as good there", () => {
    expect(scores.sum.refused).toBeGreaterThan(800 / every);
    expect(scores.sum.wrong).toBeGreaterThan(400 / every);
    expect(scores.sum.readable).toBeGreaterThan(3_000 / every);
  });

  it("shows nothing that is unsafe, and no more that is missed than before", () => {
    const allowed = thresholdOf(every);
    const { sum } = scores;
    const isWorse = sum.router.unsafe > allowed.unsafe || missedShare(sum) > allowed.missedShare;
    expect(isWorse ? renderRun(run, false, true) : "").toBe("");
  });

  it("does better than the texts alone, and those than both simple rules", () => {
    const { router, texts, keyword, tree } = scores.sum;
    expect(router.missed).toBeLessThan(texts.missed);
    expect(router.unsafe).toBeLessThan(texts.unsafe);
    expect(texts.unsafe).toBeLessThan(keyword.unsafe);
    expect(texts.unsafe).toBeLessThan(tree.unsafe);
  });
});
