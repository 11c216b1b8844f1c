// `npm run consistency`: a long run, and what has come of it in words.
import { parseArgs } from "node:util";
import { startCluster } from "@pointsman/local";
import { formatRun } from "./report.ts";
import { type RunOptions, run } from "./run.ts";
import { type Sabotage, sabotageNames } from "./sabotage.ts";
import { totalOf } from "./violation.ts";

const usage = `Usage: npm run consistency -- [options]

Starts a writer and readers whose lag moves, lets many sessions write and read through several
processes, and checks what they saw.

  --operations N   reads and writes to do (default 1000000)
  --seed N         do what a run with this seed did (default $POINTSMAN_SEED, else the time)
  --sabotage NAME  break the library first, to see that it is found: one of
                   ${sabotageNames.join(", ")}
  --readers N      readers (default 3)
  --processes N    processes of the application (default 3)
  --sessions N     sessions at any one time (default 160)
  --think MS       how long a session waits between steps, on average (default 300)
  --help           show this text

The exit status is 1 when a guarantee is broken.
`;

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "1000000" },
    seed: { type: "string", default: process.env["POINTSMAN_SEED"] },
    sabotage: { type: "string" },
    readers: { type: "string", default: "3" },
    processes: { type: "string" },
    sessions: { type: "string" },
    think: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help === true) process.stdout.write(usage);
else await main();

async function main(): Promise<void> {
  const operations = wholeNumber("operations", values.operations) as number;
  await using cluster = await startCluster({ readers: wholeNumber("readers", values.readers) });
  const options: RunOptions = {
    operations,
    seed: wholeNumber("seed", values.seed),
    sabotage: values.sabotage as Sabotage | undefined,
    processes: wholeNumber("processes", values.processes),
    sessions: wholeNumber("sessions", values.sessions),
    thinkMs: wholeNumber("think", values.think),
    progress: progressOf(operations),
  };
  const result = await run(cluster, options);
  process.stdout.write(`\n${formatRun(result)}`);
  process.exitCode = totalOf(result.verdict) === 0 ? 0 : 1;
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is ${text}: give a whole number.`);
  return Number(text);
}

/** A line every ten seconds. */
function progressOf(operations: number): (done: number) => void {
  const begun = performance.now();
  let told = begun;
  return (done) => {
    const now = performance.now();
    if (now - told < 10_000) return;
    told = now;
    const seconds = (now - begun) / 1_000;
    const left = (seconds / Math.max(done, 1)) * Math.max(operations - done, 0);
    process.stderr.write(
      `${done.toLocaleString("en-US")} operations after ${seconds.toFixed(0)} s, about ${left.toFixed(0)} s to go\n`,
    );
  };
}
