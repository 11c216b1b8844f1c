import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "tsdown";

const ours = /^(pointsman|@pointsman\/)/;
/** Names of packages; a path begins with a dot or a slash. */
const notOurs = /^(?!pointsman|@pointsman\/)[@a-z]/;

/** A benchmark as the measured processes run it. */
export interface Build {
  /** The program of a measured process. */
  readonly program: string;
  remove(): void;
}

/**
 * Builds a benchmark, and the library with it, as a release is built. The sources as tsx runs them
 * would not do: it wraps each closure in a call that keeps its name, on every pass through a hot
 * path. What comes from npm stays outside, as it is for an application.
 */
export async function buildBenchmark(file: string): Promise<Build> {
  // Inside the repository, so that packages are found from there.
  const parent = resolve(import.meta.dirname, "../../dist");
  mkdirSync(parent, { recursive: true });
  const outDir = mkdtempSync(`${parent}/run-`);
  const remove = (): void => rmSync(outDir, { recursive: true, force: true });
  try {
    await build({
      config: false,
      cwd: resolve(import.meta.dirname, "../.."),
      entry: { worker: resolve(import.meta.dirname, "worker.ts"), benchmark: file },
      outDir,
      clean: false,
      format: "esm",
      platform: "node",
      target: "node20.19",
      dts: false,
      sourcemap: true,
      logLevel: "warn",
      deps: { alwaysBundle: ours, neverBundle: notOurs },
      inputOptions: { resolve: { conditionNames: ["pointsman-source", "node", "import"] } },
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { program: resolve(outDir, "worker.mjs"), remove };
}
