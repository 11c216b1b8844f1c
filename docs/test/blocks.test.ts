import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { classify, decide } from "pointsman";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mistakesOf } from "./commands.ts";
import { readDocComments } from "./doc-comments.ts";
import { type Block, codeWords, placeOf, readDocuments, root } from "./documents.ts";
import { type Program, Programs } from "./programs.ts";

const documents = readDocuments();

/** Benchmarks and examples explain their own files: their TypeScript is no program by itself. */
const apart = /^(bench|examples)\//;
const blocks = documents
  .flatMap((document) => document.blocks)
  .filter(({ path, language }) => language !== "ts" || !apart.test(path));
const written = (language: string): Block[] =>
  blocks.filter((block) => block.language === language);

/** Languages of blocks, each with a check below; `text` is what the reader sees and nobody runs. */
const languages = ["ts", "sql", "sh", "json", "text"];

const comments = readDocComments();
const programs = new Programs([...written("ts"), ...comments]);

const schema = readFileSync(join(root, "docs/test/shop.sql"), "utf8");
let cluster: Cluster;
let control: pg.Client;

beforeAll(async () => {
  await programs.generate();
  cluster = await startCluster({ readers: 2, database: "shop" });
  control = new pg.Client(cluster.writer.url);
  await control.connect();
  await control.query("set lock_timeout = '5s'");
  // RDS has it, and no other server.
  await control.query("create role rds_iam");
});

afterAll(async () => {
  programs.remove();
  await control?.end();
  await cluster?.stop();
});

/** A fresh shop, known to both readers. */
async function openShop(): Promise<void> {
  await control.query(`drop schema public cascade; create schema public; ${schema}`);
  await cluster.waitForReplay();
}

/** An error's message with the place of the block before it, for whoever has to mend it. */
function at(block: Block, error: unknown): Error {
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Error(`${placeOf(block)} failed: ${told}`);
}

describe("every block says what it is", () => {
  for (const { path } of documents) {
    test(path, () => {
      const others = blocks
        .filter((block) => block.path === path && !languages.includes(block.language))
        .map((block) => `${placeOf(block)} is "${block.language}", not one of ${languages}`);
      expect(others).toEqual([]);
    });
  }
});

describe("TypeScript examples", () => {
  test("are accepted by the compiler", { timeout: 60_000 }, () => {
    expect(programs.check().join("\n")).toBe("");
  });

  test("say what they print", () => expect(programs.silent()).toEqual([]));

  for (const program of programs.all) {
    const { block } = program;
    // What the comments of @pointsman/local show is what its own tests run.
    if (block.path.startsWith("packages/local/src")) continue;
    test(`run: ${placeOf(block)}`, { timeout: 60_000 }, async () => {
      await openShop();
      const environment = { ...process.env };
      try {
        await execute(program);
      } catch (error) {
        throw at(block, error);
      } finally {
        process.env = environment;
      }
    });
  }
});

async function execute(program: Program): Promise<void> {
  const addresses = {
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    readers: cluster.readers.map(({ url }) => url),
  };
  process.env["DATABASE_URL"] = addresses.writer;
  process.env["DATABASE_READER_URL"] = addresses.reader;
  const tests: (() => unknown)[] = [];
  const behind: (() => unknown)[] = [];
  Object.assign(globalThis, {
    expectTest: (_name: string, run: () => unknown) => tests.push(run),
    expectAfterAll: (run: () => unknown) => behind.push(run),
    expectPrinted: (place: string, expected: string, ...printed: unknown[]) =>
      expect(format(...printed), place).toBe(expected),
    expectEqual: (place: string, expected: unknown, value: unknown) =>
      expect(value, place).toEqual(expected),
  });
  await import(/* @vite-ignore */ pathToFileURL(programs.compile(program, addresses)).href);
  try {
    for (const run of tests) await run();
  } finally {
    for (const run of behind) await run();
  }
}

describe("SQL examples", () => {
  for (const block of written("sql")) {
    test(`run: ${placeOf(block)}`, async () => {
      await openShop();
      const client = new pg.Client(cluster.writer.url);
      await client.connect();
      try {
        await client.query(block.code);
      } catch (error) {
        throw at(block, error);
      } finally {
        await client.end();
      }
    });
  }
});

describe("commands", () => {
  for (const block of written("sh")) {
    test(`exist: ${placeOf(block)}`, () => {
      const mistakes = mistakesOf(block.code).map(({ line, mistake }) => {
        const place = placeOf({ path: block.path, line: block.line + line });
        return `${place}: ${mistake}`;
      });
      expect(mistakes).toEqual([]);
    });
  }
});

describe("JSON", () => {
  test("can be parsed", () => {
    for (const block of written("json")) {
      expect(() => JSON.parse(block.code), placeOf(block)).not.toThrow();
    }
  });
});

describe("tables of statements", () => {
  const tables = documents
    .flatMap((document) => document.tables)
    .filter(({ header }) => header[0] === "statement" && header[1] === "goes to");
  const rows = tables.flatMap(({ path, rows }) => rows.map((row) => ({ path, ...row })));

  test("are there", () => expect(rows.length).toBeGreaterThan(20));

  for (const row of rows) {
    const [statements, target, reason] = row.cells;
    test(`tell the truth: ${placeOf(row)} ${statements}`, () => {
      for (const sql of codeWords(statements)) {
        const route = decide(classify(sql));
        expect({ sql, ...route }, placeOf(row)).toEqual({
          sql,
          target,
          reason: codeWords(reason)[0],
        });
      }
    });
  }
});
