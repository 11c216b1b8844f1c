// `npm run corpus`: where statements belong by what PostgreSQL does with them, and where they go.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { renderRun, reportOf } from "./report.ts";
import { runCorpus } from "./run.ts";
import { defaultSeed } from "./thresholds.ts";

const usage = `Usage: npm run corpus -- [options]

Runs thousands of statements on a writer and on readers, sees where each of them belongs, and holds
the router against it, beside one that goes by the texts alone and two simple rules.

  --every N    run only every so many statements (default 1)
  --seed N     another choice of statements (default ${defaultSeed})
  --json FILE  write everything to a file: the goals, the numbers, each statement
  --all        list every statement that goes to the wrong side
  --help       show this text

POINTSMAN_PG_BIN names the folder of another PostgreSQL to hold it against.
`;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(defaultSeed) },
    every: { type: "string", default: "1" },
    json: { type: "string" },
    all: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help === true) process.stdout.write(usage);
else await main();

async function main(): Promise<void> {
  const [seed, every] = [Number(values.seed), Number(values.every)];
  if (!Number.isInteger(seed) || !Number.isInteger(every) || every < 1) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  let told = performance.now();
  const run = await runCorpus(seed, { every }, (phase, done, of) => {
    if (performance.now() - told < 10_000) return;
    told = performance.now();
    process.stderr.write(`${phase}: ${done} of ${of}\n`);
  });
  process.stdout.write(renderRun(run, process.stdout.isTTY === true, values.all));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(reportOf(run), null, 2)}\n`);
  }
}
