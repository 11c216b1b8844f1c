import { writeFile } from "node:fs/promises";
import { parseArguments, type RunOptions, UsageError, usage } from "./harness/arguments.ts";
import { benchmarkNames, findBenchmark } from "./harness/find-benchmark.ts";
import { renderReport } from "./harness/report.ts";
import { runBenchmark } from "./harness/run.ts";

async function main(): Promise<void> {
  const request = parseArguments(process.argv.slice(2));
  switch (request.kind) {
    case "help":
      process.stdout.write(usage);
      return;
    case "list":
      for (const name of benchmarkNames()) {
        const { benchmark } = await findBenchmark(name);
        process.stdout.write(`${name}: ${benchmark.title}\n`);
      }
      return;
    case "run":
      await run(request.name, request.options);
  }
}

async function run(name: string, options: RunOptions): Promise<void> {
  const report = await runBenchmark(await findBenchmark(name), options, (doing) =>
    process.stderr.write(`${doing}\n`),
  );
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.stdout.write(renderReport(report, process.stdout.isTTY === true));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
