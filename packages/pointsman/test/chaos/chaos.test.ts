import { expect, it } from "vitest";
import { formatSchedule, runChaos } from "./run.ts";

const first = Number(process.env["POINTSMAN_SEED"] ?? Date.now() % 1_000_000_000);

it("whatever goes wrong, callers are told the truth, and everything flows again", async () => {
  const seeds = Array.from({ length: 10 }, (_, index) => first + index);
  const schedules = await runChaos(seeds);
  const bad = schedules.filter(({ violations }) => violations.length > 0);
  // The seed in the line repeats the schedule: npm run chaos -- --schedules 1 --seed N
  expect(bad.map(formatSchedule)).toEqual([]);
  expect(schedules.reduce((sum, { answers }) => sum + answers, 0)).toBeGreaterThan(300);
}, 300_000);
