// Runs the steps of a test run one after another and adds up what they counted.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The suites that talk to PostgreSQL, and are run on each of its versions. */
export const serverSuites = [
  "packages/cli/test",
  "packages/local/test",
  "packages/pointsman/test/integration",
  "packages/pointsman/test/pg-pool",
  "packages/pointsman/test/statements/builtin-functions.server.test.ts",
];

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

/** Runs a tool that passes or fails as a whole. */
export function step(title, command, args) {
  announce(title);
  const passed = run(command, args) === 0;
  totals[passed ? "passed" : "failed"] += 1;
  return passed;
}

/** Runs vitest and counts its tests. */
export function vitest(title, args, environment = {}) {
  announce(title);
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
        `--outputFile.json=${report}`,
        ...args,
      ],
      { TMPDIR: process.env.TMPDIR ?? temporaryFolder(), ...environment },
    );
    const counted = read(report);
    totals.passed += counted.numPassedTests;
    totals.skipped += counted.numPendingTests + counted.numTodoTests;
    // A file that could not be run, or an error outside of any test, fails the run as well.
    const failed = counted.numFailedTests;
    totals.failed +=
      status !== 0 && failed === 0 ? Math.max(1, counted.numFailedTestSuites) : failed;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Prints the sum, and makes the process fail when anything did. */
export function finish() {
  const { passed, failed, skipped } = totals;
  console.log("");
  if (skipped > 0) console.log(`${skipped} skipped, for the reasons in their names`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
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
    return {
      numPassedTests: 0,
      numFailedTests: 0,
      numPendingTests: 0,
      numTodoTests: 0,
      numFailedTestSuites: 1,
    };
  }
}
