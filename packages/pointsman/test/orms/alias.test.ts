import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import nodeModule from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { expect, it, onTestFinished } from "vitest";
import { localCluster } from "../support/local-cluster.ts";

const local = localCluster({ readers: 1 });

const path = (name: string): string =>
  fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
const document = readFileSync(path("docs/orms.md"), "utf8");

/** A file that docs/orms.md shows, by the name in its first line. */
function fromTheDocs(name: string): string {
  const block = new RegExp(`\`\`\`text\n// ${name}\n([^]*?)\`\`\``).exec(document);
  if (block?.[1] === undefined) throw new Error(`docs/orms.md has no ${name}`);
  return block[1];
}

/** A library that imports pg by itself, and a program that uses it. */
const library = `
  const { Client } = require("pg");
  require("pg-cursor");
  exports.where = async () => {
    const client = new Client(process.env.DATABASE_URL);
    await client.connect();
    const { rows } = await client.query("select current_setting('cluster_name') as server");
    await client.end();
    return rows[0].server;
  };`;
const program = `
  import { where } from "library";
  import { Pool } from "pg";
  const pool = new Pool({ connectionString: process.env.DATABASE_URL });
  const { rows } = await pool.query("select current_setting('cluster_name') as server");
  await pool.end();
  console.log(await where(), rows[0].server);`;

/** A folder with both, in which what a program installs is found as it is by one that has installed it. */
function install(): string {
  const cache = path("node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "program-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules/library"), { recursive: true });
  writeFileSync(join(folder, "node_modules/library/index.js"), library);
  writeFileSync(join(folder, "node_modules/library/package.json"), `{"name": "library"}`);
  writeFileSync(join(folder, "package.json"), `{"name": "program"}`);
  writeFileSync(join(folder, "main.mjs"), program);
  for (const name of ["routed-pg.mjs", "esbuild-plugin.mjs", "route-pg.mjs"]) {
    writeFileSync(join(folder, name), fromTheDocs(name));
  }
  for (const name of ["pointsman", "pg", "pg-cursor"]) {
    symlinkSync(path(`node_modules/${name}`), join(folder, "node_modules", name));
  }
  return folder;
}

/** Runs the program: the servers that the library's Client and the program's Pool have read from. */
async function servers(folder: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", import.meta.resolve("tsx"), ...args],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 25_000,
      env: {
        ...process.env,
        DATABASE_URL: local.cluster.writer.url,
        DATABASE_READER_URL: local.cluster.reader.url,
      },
    },
  );
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return status === 0 ? stdout.trim() : stderr;
}

const bundled = async (folder: string, options: BuildOptions): Promise<void> => {
  await build({
    entryPoints: [join(folder, "main.mjs")],
    outfile: join(folder, "bundle.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["pointsman-source"],
    preserveSymlinks: true,
    logLevel: "silent",
    absWorkingDir: folder,
    banner: {
      js: `import { createRequire as requireHere } from "node:module"; const require = requireHere(import.meta.url);`,
    },
    ...options,
  });
};

it("without an alias a library that imports pg reads from the writer", async () => {
  expect(await servers(install(), "main.mjs")).toBe("writer writer");
});

it("an alias of esbuild routes a library that imports pg, with Pointsman outside of the bundle", async () => {
  const folder = install();
  await bundled(folder, {
    alias: { pg: "./routed-pg.mjs", "pg/lib": "pg/lib" },
    external: ["pointsman"],
  });
  expect(await servers(folder, "bundle.mjs")).toBe("reader1 reader1");
});

it("an alias of esbuild that reaches Pointsman's own pg goes round in a circle", async () => {
  const naive = bundled(install(), { alias: { pg: "pointsman/pg", "pg/lib": "pg/lib" } });
  await expect(naive).rejects.toThrow(/cycle/);
});

it("the plugin for esbuild of the docs makes a bundle of everything, which routes", async () => {
  const folder = install();
  const plugin = pathToFileURL(join(folder, "esbuild-plugin.mjs"));
  const { routedPg } = await import(plugin.href);
  await bundled(folder, { plugins: [routedPg] });
  expect(await servers(folder, "bundle.mjs")).toBe("reader1 reader1");
});

it("the hook for Node.js of the docs routes a library that imports pg, from Node.js 22.15 on", async () => {
  const told = await servers(
    install(),
    ...["--preserve-symlinks", "--preserve-symlinks-main", "--import", "./route-pg.mjs"],
    "main.mjs",
  );
  if ("registerHooks" in nodeModule) expect(told).toBe("reader1 reader1");
  else expect(told).toContain("does not provide an export named 'registerHooks'");
});
