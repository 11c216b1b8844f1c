import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** Runs a command at the root of the repository; throws with its output when it fails. */
function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

const loadBoth = `
  const { createPool: required, withWriter } = require("pointsman");
  import("pointsman").then(({ createPool: imported }) => {
    const kinds = [required, imported, withWriter].map((value) => typeof value);
    console.log(kinds.join(" "), required === imported);
  });
`;

// These look at what is published: build first, as npm test does.
describe.each(["pointsman", "local"])("packages/%s", (name) => {
  const folder = `packages/${name}`;

  test("has been built", () => {
    expect(existsSync(`${root}/${folder}/dist/index.mjs`), "run npm run build").toBe(true);
  });

  test("is packed as package managers and bundlers expect (publint)", () => {
    expect(run("npx", ["publint", folder, "--strict"])).toContain("All good");
  }, 180_000);

  test("has types that are right in every module system (are the types wrong)", () => {
    expect(run("npx", ["attw", "--pack", folder, "--format", "ascii"])).toContain(
      "No problems found",
    );
  }, 180_000);
});

test("packages/cli is packed as package managers expect (publint)", () => {
  expect(run("npx", ["publint", "packages/cli", "--strict"])).toContain("All good");
});

test.each([
  ["packages/cli", "pointsman"],
  ["packages/local", "pointsman-local"],
])(
  "the command of %s runs, and npx finds it in a clone, whose files are all that npm sees",
  (folder, name) => {
    const { bin } = JSON.parse(readFileSync(`${root}/${folder}/package.json`, "utf8"));
    const path = join(folder, bin[name]);
    expect(run("git", ["ls-files", path]).trim()).toBe(path);
    expect(run("node", [path, "--help"])).toMatch(new RegExp(`^Usage: ${name} `));
  },
);

test("the public API is the one in the checked-in reports", () => {
  expect(run("node", ["scripts/api-report.mjs"])).toBe("");
  // There is a report for each door, and each takes the compiler some seconds.
}, 180_000);

test("the built library loads by require and by import", () => {
  const output = spawnSync("node", ["-e", loadBoth], {
    cwd: `${root}/examples/bookshop`,
    encoding: "utf8",
  });
  expect(output.stdout.trim(), output.stderr).toBe("function function function false");
});

test("the module in the place of pg loads by require and by import, and is the library's own", () => {
  const script = `
    const { Pool } = require("pointsman");
    const required = require("pointsman/pg");
    const theirs = require("pg");
    const isWhole = (one) => Object.keys(theirs).every((name) => name in one || name in one.default);
    import("pointsman/pg").then((imported) => {
      const clients = [required, imported, imported.default].map(({ Client }) => typeof Client);
      console.log(clients.join(" "), required.Pool === Pool, isWhole(required), isWhole(imported));
    });
  `;
  const output = spawnSync("node", ["-e", script], {
    cwd: `${root}/examples/bookshop`,
    encoding: "utf8",
  });
  expect(output.stdout.trim(), output.stderr).toBe("function function function true true true");
});

test("the built library parses at once, without a loading step", () => {
  const script = `console.log(require("pointsman").classify("select 1").effect)`;
  const output = spawnSync("node", ["-e", script], {
    cwd: `${root}/examples/bookshop`,
    encoding: "utf8",
  });
  expect(output.stdout.trim(), output.stderr).toBe("read");
});
