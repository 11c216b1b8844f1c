import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { classify, createClassifier } from "../../src/statements/classify.ts";
import { constructorsExport } from "../../src/statements/grammar.ts";
import { warmUp } from "../../src/statements/parser.ts";

const require = createRequire(import.meta.url);
const longest = 65_536;

/** A text of 64 KB: `start`, then `unit` as often as it fits, then `end`. */
const filled = (start: string, unit: string, end = ""): string =>
  start + unit.repeat((longest - start.length - end.length) / unit.length) + end;

/** A text of 64 KB that nests as deeply as it can. */
const nested = (start: string, open: string, inner: string, close: string): string => {
  const depth = Math.floor((longest - start.length - inner.length) / (open.length + close.length));
  return start + open.repeat(depth) + inner + close.repeat(depth);
};

describe("the parser", () => {
  it("R4: answers synchronously in a process that has never waited for anything", () => {
    const module = new URL("../../src/statements/classify.ts", import.meta.url).href;
    const script = `import { classify } from "${module}"; console.log(classify("select 1").verdict);`;
    const tsx = import.meta.resolve("tsx");
    const args = ["--import", tsx, "--input-type=module", "--eval", script];
    expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("plain-read\n");
  });

  it("R4: loads ahead in pieces when it is told to", async () => {
    await warmUp();
    expect(classify("select 3 from warmed_up").verdict).toBe("plain-read");
  });

  it("R4: keeps answering after the package's own start would have come", async () => {
    const before = classify("select nextval('s') from before").verdict;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([before, classify("select nextval('s') from behind").verdict]).toEqual([
      "writing-function",
      "writing-function",
    ]);
  });

  it("runs the constructors that libpg-query would run", () => {
    const source = readFileSync(require.resolve("libpg-query/wasm/libpg-query.js"), "utf8");
    expect(/function initRuntime\(\).*?wasmExports\["(\w+)"\]\(\)/.exec(source)?.[1]).toBe(
      constructorsExport,
    );
  });

  it("is of exactly the version that the library depends on", () => {
    const { dependencies } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    expect(require("libpg-query/package.json").version).toBe(dependencies["libpg-query"]);
  });

  it.each([
    ["100,000 parentheses", "(".repeat(100_000)],
    ["sub-selects", nested("", "select (", "select 1", ")")],
    ["calls", nested("select ", "a(", "1", ")")],
    ["NOT", filled("select ", "not ", "true")],
    ["additions", filled("select 1", "+1")],
    ["casts", filled("select 1", "::a")],
    ["unions", filled("select 1", " union select 1")],
    ["common table expressions", nested("", "with a as(", "select 1", ")select 1")],
    ["nested comments", nested("", "/*", "", "*/")],
    ["comments that never end", filled("", "/*")],
    ["plus signs", filled("select ", "+")],
    ["plus and minus signs", filled("select 1", "+-", "1")],
    ["columns", filled("select a", ",a")],
    ["functions as tables", filled("select * from f()", ",f()")],
    ["statements", filled("", "select 1;")],
    ["transactions", filled("", "begin;")],
    ["semicolons", filled("", ";")],
    [
      "characters in no order",
      Array.from({ length: longest }, (_, i) => 32 + ((i * 7919) % 95))
        .map((code) => String.fromCharCode(code))
        .join(""),
    ],
    ["half surrogate pairs", `select '${"\ud800".repeat(21_000)}'`],
    ["NUL characters", filled("select 1", "\0")],
    ["backslashes", filled("", "\\")],
    ["a string", filled("select '", "x", "'")],
    ["a name", filled('select "', "x", '"')],
  ])("R4: is neither blocked nor broken by 64 KB of %s", (_what, sql) => {
    let fastest = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const classifier = createClassifier({ maxParseBytes: 200_000 });
      classifier.classify("select 1");
      const start = process.cpuUsage();
      const { reader, verdict } = classifier.classify(sql);
      const { user, system } = process.cpuUsage(start);
      fastest = Math.min(fastest, (user + system) / 1000);
      if (reader) expect(["plain-read", "empty"]).toContain(verdict);
      expect(classifier.classify("select 2 from t").verdict).toBe("plain-read");
    }
    // Milliseconds of processor time, since other tests use the machine too. Measured: up to 20.
    expect(fastest).toBeLessThan(50);
  });

  it("serves a text of 64 KB as large applications write it", () => {
    const list = Array.from({ length: 10_000 }, (_, i) => `$${i + 1}`).join(",");
    expect(classify(`select * from t where id in (${list})`).verdict).toBe("plain-read");
    const rows = Array.from({ length: 2_500 }, (_, i) => `($${i + 1}, now())`).join(", ");
    expect(classify(`insert into t values ${rows}`).verdict).toBe("data-change");
  });

  it("allows lines of dashes, stars and equals signs", () => {
    const line = `-- ${"=".repeat(200)}\n/${"*".repeat(200)}/\n`;
    expect(classify(`${line.repeat(10)}select 1`).verdict).toBe("plain-read");
  });
});

describe("texts that are too long", () => {
  it.each([
    ["select 1 -- 90 bytes", 20],
    [`select '${"ä".repeat(10)}'`, 29],
  ])("R4: are not parsed: %j above %i bytes", (sql, maxParseBytes) => {
    const fits = createClassifier({ maxParseBytes });
    expect(fits.classify(sql).verdict).toBe("plain-read");
    const tooSmall = createClassifier({ maxParseBytes: Buffer.byteLength(sql) - 1 });
    expect(tooSmall.classify(sql)).toMatchObject({
      effect: "write",
      verdict: "too-long",
      reader: false,
    });
    expect(tooSmall.stats()).toMatchObject({ entries: 0, misses: 1, parses: 0 });
  });

  it("R4: cost nothing: 10 MB are judged at once", () => {
    const sql = `insert into t values ('${"x".repeat(10_000_000)}')`;
    classify("select 1");
    const start = process.cpuUsage();
    for (let i = 0; i < 10; i++) expect(classify(sql).verdict).toBe("too-long");
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(50);
  });
});
