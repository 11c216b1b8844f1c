import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { type EmptyProject, emptyProject } from "./support/empty-project.ts";
import { nodeBinary, nodeVersions, onlyHere } from "./support/node-versions.ts";
import { root, run } from "./support/run.ts";

const local = localCluster({ readers: 1, schema: "create table notes (text text)" });
const programs = fileURLToPath(new URL("programs", import.meta.url));

let project: EmptyProject;

beforeAll(async () => {
  project = await emptyProject(["@types/node"]);
  await cp(programs, project.folder, { recursive: true });
}, 240_000);
afterAll(() => project?.remove());

const within = (env: NodeJS.ProcessEnv = {}) => ({ cwd: project.folder, env });
const urls = () => ({
  DATABASE_URL: local.cluster.writer.url,
  DATABASE_READER_URL: local.cluster.reader.url,
});

describe.each(
  onlyHere === undefined
    ? nodeVersions.map((version) => ({ name: version, binary: () => nodeBinary(version) }))
    : [{ name: `${process.versions.node} only: ${onlyHere}`, binary: () => process.execPath }],
)("installed in an empty project, Node.js $name", ({ binary }) => {
  let node: string;
  beforeAll(() => {
    node = binary();
  }, 240_000);

  test.each(["ask.mjs", "ask.cjs"])(
    "reads on the reader and writes on the writer: %s",
    async (file) => {
      const told = JSON.parse(await run(node, [file], within(urls())));
      expect(told).toEqual({
        answers: ["reader1", "writer", "reader1", "writer"],
        sides: ["writer", "reader"],
      });
    },
  );

  test("every subpath loads by require and by import, and those alone that need a package name it", async () => {
    const told = JSON.parse(await run(node, ["every-door.cjs"], within()));
    const manifest = await readFile(join(root, "packages/pointsman/package.json"), "utf8");
    const doors = Object.keys(JSON.parse(manifest).exports).length;
    const needs = {
      "pointsman/nestjs": ["@nestjs/common", "@nestjs/common"],
      "pointsman/prometheus": ["prom-client", "prom-client"],
      "pointsman/opentelemetry": ["@opentelemetry/api", "@opentelemetry/api"],
    };
    expect(told).toEqual({ doors, missing: [], needs });
  });

  test("@pointsman/local starts a cluster of its own", async () => {
    expect(JSON.parse(await run(node, ["own-cluster.mjs"], within()))).toEqual([
      "reader1",
      "writer",
    ]);
  }, 90_000);

  test("the commands of @pointsman/cli and @pointsman/local run", async () => {
    const bin = (name: string) => join(project.folder, "node_modules/.bin", name);
    const explained = await run(node, [bin("pointsman"), "explain", "select 1"], within(urls()));
    expect(explained).toContain("reader");
    expect(await run(node, [bin("pointsman-local"), "--help"], within())).toMatch(/^Usage: /);
  });
});

describe("the types, with every declaration checked", () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  test.each([
    { module: "node16", moduleResolution: "node16", file: "typed.mts" },
    { module: "node16", moduleResolution: "node16", file: "typed.cts" },
    { module: "esnext", moduleResolution: "bundler", file: "typed.mts" },
  ])(
    "are accepted by moduleResolution $moduleResolution: $file",
    async (one) => {
      const folder = join(project.folder, `types-${one.moduleResolution}-${one.file.slice(-3)}`);
      await mkdir(folder);
      await cp(join(programs, "typed.ts"), join(folder, one.file));
      const options = { module: one.module, moduleResolution: one.moduleResolution };
      await writeFile(
        join(folder, "tsconfig.json"),
        JSON.stringify({
          compilerOptions: {
            ...options,
            target: "es2022",
            strict: true,
            noEmit: true,
            types: ["node"],
            esModuleInterop: true,
          },
          files: [one.file],
        }),
      );
      expect(await run(process.execPath, [tsc, "-p", folder], within())).toBe("");
    },
    90_000,
  );
});

test("nothing of the tests, the configuration and the sources of others is installed", async () => {
  const files = await readdir(join(project.folder, "node_modules/pointsman"));
  expect(files.sort()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"]);
});
