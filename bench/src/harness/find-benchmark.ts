import { existsSync, readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "./arguments.ts";
import type { Benchmark } from "./benchmark.ts";

const folder = resolve(import.meta.dirname, "..");
const entry = "main.ts";

/** A benchmark and the file that it is in. */
export interface FoundBenchmark {
  readonly name: string;
  readonly file: string;
  readonly benchmark: Benchmark;
}

/** The benchmarks that there are: the files of `bench/src`. */
export function benchmarkNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts") && file !== entry)
    .map((file) => basename(file, ".ts"))
    .sort();
}

/** @throws UsageError when there is none of that name, and the file exports none */
export async function findBenchmark(nameOrPath: string): Promise<FoundBenchmark> {
  const names = benchmarkNames();
  const file = names.includes(nameOrPath)
    ? resolve(folder, `${nameOrPath}.ts`)
    : resolve(nameOrPath);
  if (!file.endsWith(".ts") || !existsSync(file)) {
    throw new UsageError(`There is no benchmark ${nameOrPath}. There are: ${names.join(", ")}.`);
  }
  const { benchmark } = (await import(pathToFileURL(file).href)) as { benchmark?: Benchmark };
  if (benchmark === undefined) throw new UsageError(`${file} does not export a benchmark.`);
  return { name: basename(file, ".ts"), file, benchmark };
}
