import { execFile } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";

const run = promisify(execFile);

/** From the start of a program to the answer to its first query, in milliseconds. */
export interface ColdStart {
  readonly loaded: number;
  readonly answered: number;
  /** CPU time of the process until then. */
  readonly cpu: number;
}

const libraries = ["pg", "pointsman"] as const;
const ways = ["ESM", "CommonJS", "a bundle"] as const;
export type Library = (typeof libraries)[number];
export type Way = (typeof ways)[number];

/** A program that loads a library, asks once, and tells how long that took. */
export interface ColdProgram {
  readonly library: Library;
  readonly way: Way;
  readonly file: string;
  readonly bytes: number;
}

const make: Readonly<Record<Library, string>> = {
  pg: "new library.Pool({ connectionString: process.env.DATABASE_URL })",
  pointsman: "library.createPool()",
};

const body = (library: Library): string => `
const loaded = performance.now();
const pool = ${make[library]};
pool.query("select $1::int as one", [1]).then(({ rows }) => {
  const answered = performance.now();
  const { user, system } = process.cpuUsage();
  if (rows[0].one !== 1) throw new Error("The answer is wrong.");
  console.log(JSON.stringify({
    loaded: loaded - began, answered: answered - began, cpu: (user + system) / 1000,
  }));
  process.exit();
});
`;

const sources: Readonly<Record<Exclude<Way, "a bundle">, (library: Library) => string>> = {
  // An import is evaluated before all else, so the clock has a module of its own.
  ESM: (library) =>
    `const began = performance.now(); const module = await import("${library}"); const library = module.default ?? module;${body(library)}`,
  CommonJS: (library) =>
    `const began = performance.now(); const library = require("${library}");${body(library)}`,
};

/** Writes the programs into a folder where both libraries are installed. */
export async function writeColdPrograms(folder: string): Promise<ColdProgram[]> {
  const programs: ColdProgram[] = [];
  for (const library of libraries) {
    const path = (name: string): string => join(folder, `${library}-${name}`);
    await writeFile(path("program.mjs"), sources.ESM(library));
    await writeFile(path("program.cjs"), sources.CommonJS(library));
    await build({
      entryPoints: [path("program.cjs")],
      outfile: path("bundle.cjs"),
      absWorkingDir: folder,
      bundle: true,
      minify: true,
      platform: "node",
      logLevel: "error",
    });
    const files = { ESM: "program.mjs", CommonJS: "program.cjs", "a bundle": "bundle.cjs" };
    for (const way of ways) {
      const file = path(files[way]);
      programs.push({ library, way, file, bytes: (await stat(file)).size });
    }
  }
  return programs;
}

/** Runs a program in a process of its own. */
export async function startCold(
  { file }: ColdProgram,
  writer: string,
  reader: string | undefined,
): Promise<ColdStart> {
  const env: NodeJS.ProcessEnv = { ...process.env, DATABASE_URL: writer };
  delete env["NODE_OPTIONS"];
  if (reader === undefined) delete env["DATABASE_READER_URL"];
  else env["DATABASE_READER_URL"] = reader;
  const { stdout } = await run(process.execPath, [file], { env });
  return JSON.parse(stdout) as ColdStart;
}
