import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cluster, startCluster } from "@pointsman/local";
import { type BuildOptions, build } from "esbuild";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type EmptyProject, emptyProject } from "./support/empty-project.ts";
import { nodeBinary, nodeVersions, onlyHere } from "./support/node-versions.ts";
import { root, run } from "./support/run.ts";

const programs = fileURLToPath(new URL("programs", import.meta.url));
/** `pg` is CommonJS: what it requires has to be found from a bundle in ESM, with or without us. */
const banner = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
const plain = { bundle: true, platform: "node" } as const;
const formats = {
  "CommonJS, as esbuild --bundle --platform=node makes it": { ...plain, outfile: "index.cjs" },
  "CommonJS, minified": { ...plain, minify: true, outfile: "index.cjs" },
  "ESM with a banner": { ...plain, format: "esm", banner: { js: banner }, outfile: "index.mjs" },
} as const satisfies Record<string, BuildOptions>;

let project: EmptyProject;
let cluster: Cluster;

beforeAll(async () => {
  [project, cluster] = await Promise.all([emptyProject(), startCluster({ readers: 1, iam: true })]);
  await cp(programs, project.folder, { recursive: true });
  const client = new pg.Client(cluster.servers[0]?.direct.url);
  await client.connect();
  await client.query("create table notes (text text); grant all on notes to public");
  await client.end();
}, 240_000);
afterAll(async () => {
  await cluster?.stop();
  await project?.remove();
});

/** Bundles the handler into a folder that has nothing else in it but what calls it. */
async function bundled(options: BuildOptions & { outfile: string }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const outfile = join(folder, options.outfile);
  const { warnings } = await build({
    ...options,
    entryPoints: ["lambda-handler.mjs"],
    absWorkingDir: project.folder,
    outfile,
    logLevel: "silent",
  });
  expect(warnings.map(({ text }) => text)).toEqual([]);
  await cp(join(programs, "invoke.cjs"), join(folder, "invoke.cjs"));
  return outfile;
}

/** What two invocations say: the second sees what the first has written. */
async function invoked(outfile: string, env: NodeJS.ProcessEnv, node = process.execPath) {
  const note = `note of ${outfile} by ${node}`;
  return JSON.parse(
    await run(node, ["invoke.cjs", outfile, note], { cwd: join(outfile, ".."), env }),
  );
}

const where = { written: "writer", read: "reader1" };
const expected = { first: { before: 0, ...where }, second: { before: 1, ...where } };
const urls = () => ({
  DATABASE_URL: cluster.writer.url,
  DATABASE_READER_URL: cluster.reader.url,
});

describe.each(Object.entries(formats))("bundled by esbuild, %s", (_, options) => {
  test("a handler reads and writes, with nothing beside it", async () => {
    expect(await invoked(await bundled(options), urls())).toEqual(expected);
  });

  test.skipIf(onlyHere !== undefined).each(nodeVersions)(
    `the same with Node.js %s${onlyHere === undefined ? "" : ` (${onlyHere})`}`,
    async (version) => {
      expect(await invoked(await bundled(options), urls(), nodeBinary(version))).toEqual(expected);
    },
    240_000,
  );
});

test("with the SDK left outside, IAM finds the one that the runtime has", async () => {
  const outfile = await bundled({ ...plain, outfile: "index.cjs", external: ["@aws-sdk/*"] });
  const modules = join(outfile, "../node_modules");
  await mkdir(modules);
  await symlink(join(root, "node_modules/@aws-sdk"), join(modules, "@aws-sdk"));
  const { iam } = cluster;
  const env = {
    DATABASE_URL: iam?.writer.url,
    DATABASE_READER_URL: iam?.reader.url,
    DATABASE_AUTH: "iam",
    ...iam?.environment,
  };
  expect(await invoked(outfile, env)).toEqual(expected);
  expect(iam?.seen.logins).toBeGreaterThan(0);
});

test("where there is no SDK, IAM says which package is missing", async () => {
  const outfile = await bundled({ ...plain, outfile: "index.cjs" });
  const env = {
    DATABASE_URL: cluster.iam?.writer.url,
    DATABASE_AUTH: "iam",
    ...cluster.iam?.environment,
  };
  await expect(invoked(outfile, env)).rejects.toThrow(
    /needs @aws-sdk\/credential-providers, which is not installed/,
  );
});

test("a bundler that does not take the embedded parser gets told how it can", async () => {
  // Conditions of one's own take the place of "module".
  const outfile = await bundled({ ...plain, outfile: "index.cjs", conditions: ["own"] });
  await expect(invoked(outfile, urls())).rejects.toThrow(
    /have the bundler use the condition "module"/,
  );
});

test("a minified bundle keeps the license of what is embedded, and is below a megabyte", async () => {
  const outfile = await bundled(formats["CommonJS, minified"]);
  expect((await readFile(outfile, "utf8")).includes("libpg-query 18")).toBe(true);
  expect((await stat(outfile)).size).toBeLessThan(1024 * 1024);
});
