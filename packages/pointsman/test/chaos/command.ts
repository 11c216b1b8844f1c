// `npm run chaos`: many schedules of faults, and what has come of each in a line.
import { parseArgs } from "node:util";
import { runChaos } from "./run.ts";
import { formatSchedule, type Schedule } from "./schedule.ts";

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
  const { schedules, done, leftovers, heap } = await runChaos(seeds, (schedule) => {
    process.stdout.write(`${formatSchedule(schedule)}\n`);
  });
  const bad = schedules.filter(({ violations }) => violations.length > 0);
  const sum = (what: (schedule: Schedule) => number): number =>
    schedules.reduce((total, schedule) => total + what(schedule), 0);
  const lines = [
    ...Object.entries(done).map(([name, times]) => `${String(times).padStart(6)} ${name}`),
    `${sum(({ notDone }) => notDone.length)} faults could not be done where others had been`,
    `${sum(({ answers }) => answers)} answers, ${sum(({ onReaders }) => onReaders)} of them surely by readers`,
    `${sum(({ unknown }) => unknown)} unknown writes; outcome() had to know ${sum(({ outcomes }) => outcomes)} of them`,
    `${sum(({ brokenOff }) => brokenOff)} reads over many rows or in transactions broke off`,
    ...(heap === undefined ? [] : [heap.words]),
    ...leftovers.map((what) => `LEFT: ${what}`),
    `${count} schedules, ${bad.length} with violations${bad.length === 0 ? "" : `: seeds ${bad.map(({ seed }) => seed).join(", ")}`}`,
  ];
  process.stdout.write(`\n${lines.join("\n")}\n`);
  process.exitCode = bad.length + leftovers.length === 0 ? 0 : 1;
}
