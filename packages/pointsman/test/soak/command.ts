// `npm run soak`: one pool under steady load for long, and whether it holds ever more.
import { parseArgs } from "node:util";
import { formatSample, runSoak } from "./run.ts";

const usage = `Usage: npm run soak -- [options]

Keeps one pool under load against a local cluster, with a mild fault now and then, and tells
whether memory, sockets and timers stay where they are.

  --minutes N  how long (default 30)
  --help       show this text

The exit status is 1 when they do not, or callers were not told the truth.
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help === true) process.stdout.write(usage);
else await main();

async function main(): Promise<void> {
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const { problems, heapPerAnswer } = await runSoak(minutes * 60_000, (sample) => {
    process.stdout.write(`${formatSample(sample)}\n`);
  });
  const slope =
    heapPerAnswer === undefined
      ? "too short to tell how the heap grows"
      : `the heap has grown by ${heapPerAnswer.toFixed(1)} bytes for each answer`;
  const verdict =
    problems.length === 0 ? "FLAT" : problems.map((what) => `BAD: ${what}`).join("\n");
  process.stdout.write(`\n${slope}\n${verdict}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
