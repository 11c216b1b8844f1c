import { describe, expect, it } from "vitest";
import { createClassifier } from "../../src/statements/classify.ts";

describe("a classifier", () => {
  it("parses a text once and gives the same answer again", () => {
    const classifier = createClassifier();
    const first = classifier.classify("select 1");
    expect(classifier.classify(["select", "1"].join(" "))).toBe(first);
    expect(classifier.stats()).toMatchObject({ entries: 1, hits: 1, misses: 1, parses: 1 });
  });

  it("remembers no more texts than it is told to, and forgets the least used", () => {
    const classifier = createClassifier({ maxEntries: 2 });
    for (const sql of ["select 1", "select 2", "select 1", "select 3", "select 1"]) {
      classifier.classify(sql);
    }
    expect(classifier.stats()).toMatchObject({ entries: 2, hits: 2, misses: 3 });
  });

  it("holds no more bytes than it is told to", () => {
    const classifier = createClassifier({ maxBytes: 10_000 });
    for (let i = 0; i < 100; i++) classifier.classify(`select * from t where id = ${i}`);
    const { bytes, entries } = classifier.stats();
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(entries).toBeGreaterThan(5);
  });

  it("judges, but does not keep, a text larger than all of its memory", () => {
    const classifier = createClassifier({ maxBytes: 1_000 });
    expect(classifier.classify(`select '${"x".repeat(2_000)}'`).verdict).toBe("plain-read");
    expect(classifier.stats().entries).toBe(0);
  });

  it("remembers texts that do not parse", () => {
    const classifier = createClassifier();
    classifier.classify("selec 1");
    classifier.classify("selec 1");
    expect(classifier.stats()).toMatchObject({ hits: 1, parses: 1 });
  });

  it("takes its options apart from nonsense", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN]) {
      expect(() => createClassifier({ maxParseBytes: wrong })).toThrow(RangeError);
      expect(() => createClassifier({ maxEntries: wrong })).toThrow(RangeError);
      expect(() => createClassifier({ maxBytes: wrong })).toThrow(RangeError);
    }
  });
});
