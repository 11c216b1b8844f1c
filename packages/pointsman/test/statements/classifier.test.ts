import { describe, expect, it } from "vitest";
import { annotatedClassifier, createClassifier } from "../../src/statements/classify.ts";

describe("a classifier", () => {
  it("parses a text once and gives the same answer again", () => {
    const classifier = createClassifier();
    const first = classifier.classify("select a");
    expect(classifier.classify(["select", "a"].join(" "))).toBe(first);
    expect(classifier.stats()).toMatchObject({ entries: 1, hits: 1, misses: 1, parses: 1 });
  });

  it("remembers no more texts than it is told to, and forgets the least used", () => {
    const classifier = createClassifier({ maxEntries: 2 });
    for (const sql of ["select a", "select b", "select a", "select c", "select a"]) {
      classifier.classify(sql);
    }
    expect(classifier.stats()).toMatchObject({ entries: 2, hits: 2, misses: 3 });
  });

  it("holds no more bytes than it is told to", () => {
    const classifier = createClassifier({ maxBytes: 10_000 });
    for (let i = 0; i < 100; i++) classifier.classify(`select * from t${i} where id = $1`);
    const { bytes, entries } = classifier.stats();
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(entries).toBeGreaterThan(5);
  });

  it("judges, but does not keep, a text larger than all of its memory", () => {
    const classifier = createClassifier({ maxBytes: 1_000 });
    expect(classifier.classify(`select "${"x".repeat(2_000)}"`).verdict).toBe("plain-read");
    expect(classifier.classify(`select "${"x".repeat(2_000)}", 1`).verdict).toBe("plain-read");
    expect(classifier.stats()).toMatchObject({ entries: 0, shapes: 0, bytes: 0 });
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

describe("texts that differ in their values only", () => {
  const byId = (id: number | string) => `select * from t where id = ${id}`;

  it("are parsed once, and counted as hits", () => {
    const classifier = createClassifier();
    const first = classifier.classify(byId(0));
    for (let id = 1; id < 100; id++) expect(classifier.classify(byId(id))).toBe(first);
    expect(classifier.stats()).toMatchObject({
      shapes: 1,
      entries: 0,
      hits: 99,
      misses: 1,
      parses: 1,
    });
  });

  it("share what is noted of them, and are told to vary", () => {
    const { lookUp } = annotatedClassifier<string>();
    lookUp(byId(1)).note = "noted";
    expect(lookUp(byId(2))).toMatchObject({ varies: true, note: "noted" });
    expect(lookUp("select * from t where id = $1")).toMatchObject({
      varies: false,
      note: undefined,
    });
  });

  it("are parsed each where a value decides", () => {
    const { classify, stats } = createClassifier();
    expect(classify("select current_setting('work_mem')").verdict).toBe("plain-read");
    expect(classify("select current_setting('in_hot_standby')").verdict).toBe("server-bound");
    expect(stats()).toMatchObject({ shapes: 0, entries: 2, parses: 2 });
  });

  it("say nothing of others when they do not parse", () => {
    const { classify, stats } = createClassifier();
    for (const id of [1, 2, 2])
      expect(classify(`selec * where id = ${id}`).verdict).toBe("unparsable");
    for (const id of [1, 2, 2])
      expect(classify(`select from where ${id}`).verdict).toBe("unparsable");
    expect(stats()).toMatchObject({ shapes: 0, entries: 4, hits: 2, parses: 4 });
  });

  it("are not looked at when they are too long", () => {
    const { classify, stats } = createClassifier({ maxParseBytes: 40 });
    classify(byId(1));
    expect(classify(byId("'a value that makes the text too long'")).verdict).toBe("too-long");
    expect(stats()).toMatchObject({ shapes: 1, hits: 0, misses: 2, parses: 1 });
  });

  it("are remembered by no more shapes than are allowed, and the least used is forgotten", () => {
    const { classify, stats } = createClassifier({ maxEntries: 2 });
    for (const sql of ["select a, 1", "select b, 1", "select a, 2", "select c, 1", "select a, 3"]) {
      classify(sql);
    }
    expect(stats()).toMatchObject({ shapes: 2, entries: 0, hits: 2, misses: 3 });
  });

  it("are remembered in no more bytes than are allowed", () => {
    const { classify, stats } = createClassifier({ maxBytes: 10_000 });
    for (let n = 0; n < 100; n++) classify(`select * from t${n} where id = ${n}`);
    expect(stats().shapes).toBeGreaterThan(5);
    expect(stats().bytes).toBeLessThanOrEqual(10_000);
  });

  it("push out no text of another kind", () => {
    const { classify, stats } = createClassifier({ maxEntries: 2 });
    classify("select * from t where id = $1");
    for (let n = 0; n < 100; n++) classify(`select * from t${n} where id = ${n}`);
    classify("select * from t where id = $1");
    expect(stats()).toMatchObject({ entries: 1, shapes: 2, hits: 1 });
  });
});

describe("a text with a value in it that comes again as it was", () => {
  const byStatus = (status: string) => `select * from t where status = '${status}'`;

  it("is remembered by itself from its second call on, with a note of its own", () => {
    const { lookUp, stats } = annotatedClassifier<string>();
    const shape = lookUp(byStatus("open"));
    shape.note = "the shape's";
    const known = lookUp(byStatus("open"));
    expect(known).toMatchObject({ text: byStatus("open"), varies: false, note: undefined });
    expect(known.verdict).toBe(shape.verdict);
    expect(lookUp(byStatus("open"))).toBe(known);
    expect(stats()).toMatchObject({ entries: 1, shapes: 1, hits: 2, misses: 1, parses: 1 });
  });

  it("is so among a few others of its shape, in whatever order they come", () => {
    const { lookUp } = annotatedClassifier();
    const all = ["open", "paid", "sent", "lost"];
    for (const status of [...all, ...all]) lookUp(byStatus(status));
    for (const status of all) expect(lookUp(byStatus(status)).varies).toBe(false);
  });

  it("is not among many, which would fill the memory with texts of one shape", () => {
    const { lookUp, stats } = annotatedClassifier();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 100; n++) expect(lookUp(byStatus(`status ${n}`)).varies).toBe(true);
    }
    expect(stats()).toMatchObject({ entries: 0, shapes: 1 });
  });

  it("is remembered by itself again after it was forgotten", () => {
    const { lookUp, stats } = annotatedClassifier({ maxEntries: 1 });
    lookUp(byStatus("open"));
    expect(lookUp(byStatus("open")).varies).toBe(false);
    lookUp("select 'forgets' as a, a from b where c = $1; select 1");
    expect(lookUp(byStatus("open")).varies).toBe(false);
    expect(stats().parses).toBe(2);
  });
});
