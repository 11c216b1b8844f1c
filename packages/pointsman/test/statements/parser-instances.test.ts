import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createClassifier } from "../../src/statements/classify.ts";
import type { Grammar } from "../../src/statements/grammar.ts";
import { parse } from "../../src/statements/parser.ts";

/** The instances of the parser, which works as it always does. */
const instances = vi.hoisted((): Grammar[] => []);

vi.mock("../../src/statements/grammar.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../src/statements/grammar.ts")>();
  return {
    ...original,
    createGrammar: () => {
      const grammar = original.createGrammar();
      instances.push(grammar);
      return grammar;
    },
  };
});

const megabyte = 1024 * 1024;
const verdictOf = (sql: string) => createClassifier().classify(sql).verdict;

describe("the instance of the parser", () => {
  beforeEach(() => {
    parse("select 1");
    instances.splice(0);
  });

  it("is kept from text to text", () => {
    expect([verdictOf("select 2"), verdictOf("selec 2"), verdictOf("delete from t")]).toEqual([
      "plain-read",
      "unparsable",
      "data-change",
    ]);
    expect(instances).toHaveLength(0);
  });

  it("is replaced when its memory has grown, since that never shrinks", () => {
    parse(`select '${"x".repeat(31 * megabyte)}'`);
    expect(instances).toHaveLength(0);
    expect([verdictOf("select 3"), verdictOf("select nextval('s')")]).toEqual([
      "plain-read",
      "writing-function",
    ]);
    expect(instances).toHaveLength(1);
    expect(instances[0]?.HEAPU8.length).toBeLessThan(256 * megabyte);
  });

  it("is replaced when the stack was exhausted in the middle of a text", () => {
    const long = `select 1${"+1".repeat(1500)}`;
    /** Judges the text with so many frames on the stack already. */
    const under = (frames: number): unknown =>
      frames === 0 ? parse(long) : [under(frames - 1)].pop();
    expect(under(0)).toBeInstanceOf(Object);
    let broken = false;
    for (let frames = 0; !broken && frames < 20_000; frames += 100) {
      try {
        broken = under(frames) === "unparsable";
      } catch (error) {
        // There was no room for the library's own functions either.
        expect(error).toBeInstanceOf(RangeError);
        break;
      }
    }
    expect(broken).toBe(true);
    const before = instances.length;
    expect([verdictOf("select 4"), verdictOf("select f(4)")]).toEqual([
      "plain-read",
      "unknown-function",
    ]);
    expect(parse(long)).toBeInstanceOf(Object);
    expect(instances.length).toBe(before + 1);
  });
});

describe("the memory of a classifier", () => {
  /** Bytes on the heap once all garbage is gone. */
  function heap(): number {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  }

  it("does not keep a long string alive for a statement that was cut out of it", () => {
    const classifier = createClassifier();
    const before = heap();
    for (let file = 0; file < 60; file++) {
      const script = `select * from a_table_with_a_name_${file}; select ${file} from a_table_with_a_name_${file}; -- ${"x".repeat(2 * megabyte)}`;
      for (const statement of script.split("; ", 2)) classifier.classify(statement);
    }
    const kept = heap() - before;
    expect(classifier.stats()).toMatchObject({ entries: 60, shapes: 60 });
    expect(kept / megabyte).toBeLessThan(20);
  });

  it("keeps a text with half a surrogate pair as it is", () => {
    const classifier = createClassifier();
    const text = 'select "\ud800"';
    expect(classifier.classify(text)).toBe(classifier.classify(text.slice()));
    expect(classifier.classify('select "\ufffd"')).not.toBe(classifier.classify(text));
    expect(classifier.stats().hits).toBe(2);
  });
});
