// `npm test`: builds and checks everything, then runs all suites on PostgreSQL 18, some of them once
// more with lanes for all reads, and those that talk to a server on PostgreSQL 14 too. Arguments are file filters for a quick run of some tests.
import {
  compatibility,
  finish,
  laneSuites,
  root,
  serverSuites,
  step,
  tinyLanes,
  vitest,
} from "./lib/steps.mjs";

const filters = process.argv.slice(2);

if (filters.length > 0) {
  vitest(filters.join(" "), filters);
} else {
  const built = step("Build", "npm", ["run", "build", "--silent"]);
  step("Format and lint", "npx", ["biome", "check", "."]);
  step("Types", "npx", ["tsc", "--noEmit"]);
  step("Types of examples that have compiler options of their own", "npm", [
    "run",
    "check",
    "--workspaces",
    "--if-present",
    "--silent",
  ]);
  if (built) {
    compatibility(vitest("All suites, PostgreSQL 18", []));
    vitest("Suites with a lane for every read, PostgreSQL 18", laneSuites, tinyLanes);
    const { findBinaries } = await import(`${root}/packages/local/dist/index.mjs`);
    const oldest = await findBinaries({ version: "14" }).catch(elsewhere);
    if (oldest) {
      vitest(`Suites that talk to a server, PostgreSQL ${oldest.version}`, serverSuites, {
        POINTSMAN_PG_BIN: oldest.bin,
      });
    }
  }
}
finish();

// package.json names the binaries for Linux x64 alone; there, missing ones are a failure.
function elsewhere(error) {
  if (process.platform === "linux" && process.arch === "x64") throw error;
  console.log(`\nThe suites are not run on PostgreSQL 14: ${error.message}`);
}
