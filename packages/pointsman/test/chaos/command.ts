// `npm run chaos`: many schedules of faults, and what has come of each in a line.
import { parseArgs } from "node:util";
import { formatSchedule, runChaos } from "./run.ts";

const usage = `Usage: npm run chaos -- [options]

Lets things go wrong in a local cluster under load, by schedules out of seeds, and checks against
the database that everything is as callers were told.

  --schedules N  how many (default 200)
  --seed N       the first one's seed; each further one is one more (default: the time)
  --help         show this text

The exit status is 1 when something is not.
`;

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help === true) process.stdout.write(usage);
else await main();

async function main(): Promise<void> {
  const [count, first] = [Number(values.schedules), Number(values.seed)];
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first)) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const schedules = await runChaos(seeds, (schedule) => {
    process.stdout.write(`${formatSchedule(schedule)}\n`);
  });
  const bad = schedules.filter(({ violations }) => violations.length > 0);
  const answers = schedules.reduce((sum, schedule) => sum + schedule.answers, 0);
  process.stdout.write(
    `\n${count} schedules, ${answers} answers, ${bad.length} with violations${bad.length === 0 ? "" : `: seeds ${bad.map(({ seed }) => seed).join(", ")}`}\n`,
  );
  process.exitCode = bad.length === 0 ? 0 : 1;
}
