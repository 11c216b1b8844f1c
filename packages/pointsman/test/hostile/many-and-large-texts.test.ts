import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type pg from "pg";
import { createClassifier, type Pool } from "pointsman";
import { beforeAll, describe, expect, it } from "vitest";
import { subjectsOnCluster } from "../support/subjects.ts";

const { own } = subjectsOnCluster();
const MiB = 1024 * 1024;

/** Milliseconds that the event loop may be held at once. */
const longest = 50;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Memory that is still held when the rest has been collected, in bytes. */
function heldMemory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * How long the event loop is held by a call itself. Processor time, and the least of some: the
 * machine may be busy with other things.
 */
function heldMillis(call: (attempt: number) => unknown, attempts = 5): number {
  const times = Array.from({ length: attempts }, (_, attempt) => {
    const before = process.cpuUsage();
    call(attempt);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

const rows = (count: number, of: number): string =>
  `insert into pg_temp.large values ${Array.from({ length: count }, (_, n) => `(${of}, ${n})`).join(", ")}`;

/** Texts of just under the 64 KiB that are parsed, in shapes that are hard on a parser. */
const heaviest: [string, (attempt: number) => string][] = [
  ["statements", (of) => `select ${of};`.repeat(6_500)],
  ["nested parentheses", (of) => `select ${"(".repeat(30_000)}${of}${")".repeat(30_000)}`],
  ["operators", (of) => `select ${of}${"+1".repeat(32_000)}`],
  ["function calls", (of) => `select ${"abs(1),".repeat(9_000)}${of}`],
  [
    "unknown functions",
    (of) => `select ${Array.from({ length: 4_000 }, (_, n) => `f${n}_${of}(1)`)}`,
  ],
  ["comments", (of) => `${"/* c */".repeat(9_000)} select ${of}`],
  ["nested comments", (of) => `${"/*".repeat(16_000)}${"*/".repeat(16_000)} select ${of}`],
  ["what is no SQL", (of) => `${of} ${"'$$\"(".repeat(12_000)}`],
];

describe("a text of 64 KiB", () => {
  const classifier = createClassifier();
  beforeAll(() => classifier.classify("select 1"));

  it.each(heaviest)(`of %s holds the event loop for less than ${longest} ms`, (_of, text) => {
    const held = heldMillis((attempt) => classifier.classify(text(attempt)));
    expect(held).toBeLessThan(longest);
  });
});

describe("an INSERT of 10 MB", () => {
  const text = rows(800_000, 1);

  it("is looked at in no time, and goes to the writer for its length", () => {
    const classifier = createClassifier();
    let verdict: unknown;
    const held = heldMillis(() => {
      verdict = classifier.classify(text).verdict;
    });
    expect(text.length).toBeGreaterThan(10_000_000);
    expect(verdict).toBe("too-long");
    expect(held).toBeLessThan(5);
  });

  it("is not remembered", () => {
    const classifier = createClassifier();
    classifier.classify(text);
    expect(classifier.stats()).toMatchObject({ entries: 0, parses: 0 });
  });

  it.each(own)("holds its caller no longer than pg does $name", async ({ open }) => {
    const pool = open({ max: 1 }) as Pool;
    await pool.query("select 1");
    const answers: Promise<unknown>[] = [];
    const held = heldMillis(() => {
      answers.push(pool.query(`select length($1)`, [text]));
      answers.push(pool.query(text).catch((error) => error.code));
    }, 2);
    const outcomes = await Promise.all(answers);
    expect(held).toBeLessThan(longest);
    expect(outcomes.filter((outcome) => outcome === "42P01")).toHaveLength(2);
  });
});

describe("many texts of which no two are alike", () => {
  it("take a bounded memory: 200,000 through a classifier", () => {
    const classifier = createClassifier();
    const fill = (from: number, to: number): void => {
      for (let n = from; n < to; n++) {
        classifier.classify(`select id, title as t${n} from books where id = $1`);
        classifier.classify(`select id, title as t${n} from books where id = ${n % 7}`);
      }
    };
    fill(0, 20_000);
    const full = heldMemory();
    fill(20_000, 100_000);
    const grown = heldMemory() - full;
    const { entries, shapes, bytes, parses } = classifier.stats();
    console.log(
      `200,000 texts: ${entries} and ${shapes} shapes remembered, ${(bytes / MiB).toFixed(1)} MiB estimated, ` +
        `${(grown / MiB).toFixed(2)} MiB more held after all than after 40,000`,
    );
    expect(parses).toBe(200_000);
    expect(entries).toBeLessThanOrEqual(10_000);
    expect(shapes).toBeLessThanOrEqual(10_000);
    expect(bytes).toBeLessThanOrEqual(32 * MiB);
    expect(grown).toBeLessThan(8 * MiB);
  });

  it("take no memory where they differ in their values only: 100,000 through a classifier", () => {
    const classifier = createClassifier();
    for (let n = 0; n < 100_000; n++) {
      classifier.classify(`select id, title from books where id = ${n} and stock > ${n % 7}`);
    }
    expect(classifier.stats()).toMatchObject({ entries: 0, shapes: 1, parses: 1 });
  });

  it.each(own)("take a bounded memory: 6,000 through a pool of two $name", async ({ open }) => {
    const pool = open({ max: 2, statementCache: { maxEntries: 1_000 } } as pg.PoolConfig) as Pool;
    let wrong = 0;
    const fill = async (from: number, to: number): Promise<void> => {
      for (let batch = from; batch < to; batch += 100) {
        const numbers = Array.from({ length: 100 }, (_, n) => batch + n);
        const results = await Promise.all(
          numbers.map((n) => pool.query(`select ${n} as n, 1 as n${n}`)),
        );
        wrong += results.filter(({ rows: [row] }, at) => row.n !== numbers[at]).length;
      }
    };
    await fill(0, 2_000);
    const full = heldMemory();
    await fill(2_000, 6_000);
    const grown = heldMemory() - full;
    console.log(
      `6,000 texts through a pool: ${(grown / MiB).toFixed(2)} MiB more held than after 2,000`,
    );
    expect(wrong).toBe(0);
    expect(pool.stats().statements.entries).toBeLessThanOrEqual(1_000);
    expect(pool.stats().statements.shapes).toBeLessThanOrEqual(1_000);
    expect(grown).toBeLessThan(8 * MiB);
  });

  it.each(own)(
    "take a bounded memory as named statements: 500 on a client $name",
    async ({ open }) => {
      const pool = open({ max: 1 });
      const client = await pool.connect();
      const answers: number[] = [];
      for (let n = 0; n < 500; n++) {
        const { rows: found } = await client.query({ name: `s${n}`, text: `select ${n} as n` });
        answers.push(found[0].n);
      }
      client.release();
      expect(answers).toEqual(Array.from({ length: 500 }, (_, n) => n));
    },
  );
});
