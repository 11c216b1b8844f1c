// Runs the steps of a test run one after another and adds up what they counted.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { errorsFile } from "./errors-outside-tests.mjs";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The suites that talk to PostgreSQL, and are run on each of its versions. */
export const serverSuites = [
  "packages/cli/test",
  "packages/local/test",
  "packages/pointsman/test/catalog",
  "packages/pointsman/test/corpus",
  "packages/pointsman/test/failover",
  "packages/pointsman/test/freshness",
  "packages/pointsman/test/integration",
  "packages/pointsman/test/monitoring",
  "packages/pointsman/test/orms",
  "packages/pointsman/test/pg-module",
  "packages/pointsman/test/pg-pool",
  "packages/pointsman/test/statements/builtin-functions.server.test.ts",
  "packages/pointsman/test/telemetry",
];

/** The suites that are run once more with every read that may ride a lane in one, from the first on. */
export const laneSuites = [
  "packages/pointsman/test/chaos",
  "packages/pointsman/test/consistency",
  "packages/pointsman/test/freshness",
  "packages/pointsman/test/integration",
  "packages/pointsman/test/pg-module",
  "packages/pointsman/test/pg-pool",
  "packages/pointsman/test/telemetry",
];
export const tinyLanes = { DATABASE_LANES: "after=0,depth=2", DATABASE_PREPARE: "after=1" };

/**
 * Clusters are made and thrown away by the dozen: in memory where there is room for them and
 * programs may be run from there, which halves the time that they take to start.
 */
function temporaryFolder() {
  const memory = "/dev/shm";
  const probe = join(memory, `pointsman-probe-${process.pid}`);
  try {
    const { bavail, bsize } = statfsSync(memory);
    writeFileSync(probe, "#!/bin/sh\n", { mode: 0o700 });
    if (bavail * bsize >= 4 * 1024 ** 3 && spawnSync(probe).status === 0) return memory;
  } catch {
    // not on this system
  } finally {
    rmSync(probe, { force: true });
  }
  return tmpdir();
}

const totals = { passed: 0, failed: 0, skipped: 0 };
/** What failed, and what failed at first: `finish()` names both. */
const failures = [];
const flaky = [];

/** Runs a tool that passes or fails as a whole. */
export function step(title, command, args) {
  announce(title);
  const passed = run(command, args) === 0;
  totals[passed ? "passed" : "failed"] += 1;
  if (!passed) failures.push({ line: `${title}: ${[command, ...args].join(" ")}` });
  return passed;
}

/**
 * Runs vitest and counts its tests. Files in which something failed are run once more by themselves,
 * since a busy machine can break what measures time; what passes then is named at the end.
 *
 * @returns vitest's report of each file
 */
export function vitest(title, args, environment = {}) {
  announce(title);
  const first = runVitest(args, environment);
  const failed = failedFiles(first);
  if (first.status === 0 || failed.length === 0) {
    count(title, first, first.files);
    return first.files;
  }
  announce(`${title}: ${failed.length} files once more, by themselves`);
  const second = runVitest([...failed, "--no-file-parallelism"], environment);
  const files = [...first.files.filter(({ name }) => !failed.includes(name)), ...second.files];
  // What came from no file has not been tried again.
  const elsewhere = first.errors.filter(({ file }) => file === undefined);
  const status = elsewhere.length > 0 ? 1 : second.status;
  count(title, { ...second, status, errors: [...elsewhere, ...second.errors] }, files);
  const still = failedFiles(second);
  const again = ({ file }) => file !== undefined && !still.includes(file);
  flaky.push(...whatFailed(title, first).filter(again));
  return files;
}

/** Holds the tables in docs/compatibility.md against what the tests of a run have shown. */
export function compatibility(files) {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-compatibility-"));
  try {
    const report = join(folder, "tests.json");
    const tests = files.flatMap(({ assertionResults }) => assertionResults);
    writeFileSync(report, JSON.stringify(tests));
    const command = ["run", "--silent", "compatibility", "--", "--check", report];
    step("Tables of docs/compatibility.md", "npm", command);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One run of vitest: its exit status, and what it reports of each file and of errors outside tests. */
function runVitest(args, environment) {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-test-"));
  const report = join(folder, "report.json");
  try {
    const status = run(
      "npx",
      [
        "vitest",
        "run",
        "--reporter=default",
        "--reporter=json",
        `--reporter=${join(root, "scripts/lib/errors-outside-tests.mjs")}`,
        `--outputFile.json=${report}`,
        ...args,
      ],
      { TMPDIR: process.env.TMPDIR ?? temporaryFolder(), ...environment },
    );
    return {
      status,
      files: read(report)?.testResults ?? [],
      errors: read(join(folder, errorsFile)) ?? [],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files of failed tests, those that could not be run, and those that an error outside came from. */
function failedFiles({ files, errors }) {
  const failed = files.filter(({ status }) => status !== "passed").map(({ name }) => name);
  return [...new Set([...failed, ...errors.flatMap(({ file }) => file ?? [])])];
}

/** What failed in a run: the file of each, and what is said of it at the end. */
function whatFailed(title, { files, errors }) {
  const line = (file, text) => ({
    file,
    line: `${title}: ${file ? relative(root, file) : "no file"}: ${text}`,
  });
  const broken = files.filter(({ status }) => status !== "passed");
  return [
    ...broken.flatMap(({ name, message, assertionResults }) => {
      const tests = assertionResults.filter(({ status }) => status === "failed");
      const texts = tests.length > 0 ? tests.map(({ fullName }) => fullName) : [message];
      return texts.map((text) => line(name, text));
    }),
    ...errors.map(({ file, text }) => line(file, `outside of any test: ${text}`)),
  ];
}

/** A file that could not be run, or an error outside of any test, fails the run as well. */
function count(title, last, files) {
  const tests = files.flatMap((file) => file.assertionResults);
  const having = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length;
  totals.passed += having("passed");
  totals.skipped += having("pending", "skipped", "todo");
  if (last.status === 0) return;
  const failed = whatFailed(title, last);
  if (failed.length === 0) failed.push({ line: `${title}: vitest ended with ${last.status}` });
  totals.failed += failed.length;
  failures.push(...failed);
}

/** Prints what failed and the sum, and makes the process fail when anything did. */
export function finish() {
  const { passed, failed, skipped } = totals;
  list("Failed at first, and passed when their file was run again by itself:", flaky);
  list("Failed:", failures);
  console.log("");
  if (skipped > 0) console.log(`${skipped} skipped, for the reasons in their names`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

function list(title, failed) {
  if (failed.length === 0) return;
  console.log(`\n${title}`);
  for (const { line } of failed) console.log(`  ${line.replaceAll("\n", "\n    ")}`);
}

export function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (error) console.error(error.message);
  return status ?? 1;
}

function announce(title) {
  console.log(`\n== ${title}`);
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return undefined;
  }
}
