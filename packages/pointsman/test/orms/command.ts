/**
 * `npm run compatibility`: runs the tests of libraries and writes the tables of
 * docs/compatibility.md. With `--check FILE`, the tests of a report (as JSON) are taken for it, and
 * the document must have these tables already.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { compatibilityTables, type ReportedTest } from "./support/compatibility-table.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const document = join(root, "docs/compatibility.md");

const [option, file] = process.argv.slice(2);
const usage = "Usage: npm run compatibility [-- --check REPORT.json]";
if (option === "--help") {
  console.log(usage);
} else if (option === undefined) {
  write(runTests());
} else if (option === "--check" && file !== undefined) {
  check(JSON.parse(readFileSync(file, "utf8")));
} else {
  fail(usage, 2);
}

function runTests(): ReportedTest[] {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-compatibility-"));
  try {
    const report = join(folder, "report.json");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const { status } = spawnSync(
      "npx",
      ["vitest", "run", relative(root, import.meta.dirname), ...reporters],
      {
        cwd: root,
        stdio: "inherit",
      },
    );
    if (status !== 0) fail("A test has failed: the tables are left as they are.", 1);
    const { testResults } = JSON.parse(readFileSync(report, "utf8"));
    return testResults.flatMap(
      ({ assertionResults }: { assertionResults: ReportedTest[] }) => assertionResults,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write(tests: readonly ReportedTest[]): void {
  writeFileSync(document, documentOf(tests));
  console.log(`${relative(root, document)} has been written.`);
}

function check(tests: readonly ReportedTest[]): void {
  if (documentOf(tests) !== readFileSync(document, "utf8")) {
    fail("docs/compatibility.md is not what the tests show. Run `npm run compatibility`.", 1);
  }
}

/** The document with the tables between its marks. */
function documentOf(tests: readonly ReportedTest[]): string {
  const { gaps, ...tables } = compatibilityTables(tests);
  if (gaps.length > 0) fail(gaps.join("\n"), 1);
  let text = readFileSync(document, "utf8");
  for (const [name, table] of Object.entries(tables)) {
    const between = new RegExp(`(?<=<!-- ${name}: .*? -->\n\n)[\\s\\S]*?(?=\n\n<!-- end -->)`);
    if (!between.test(text)) fail(`docs/compatibility.md has no place for the table ${name}.`, 1);
    text = text.replace(between, () => table);
  }
  return text;
}

function fail(message: string, code: number): never {
  console.error(message);
  process.exit(code);
}
