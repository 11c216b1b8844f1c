import { expect, it } from "vitest";
import { runChaos } from "./run.ts";
import { formatSchedule } from "./schedule.ts";

const first = Number(process.env["POINTSMAN_SEED"] ?? Date.now() % 1_000_000_000);

it("whatever goes wrong, callers are told the truth, and everything flows again", async () => {
  const seeds = Array.from({ length: 200 }, (_, index) => first + index);
  const { schedules, done, leftovers, heap } = await runChaos(seeds);
  const bad = schedules.filter(({ violations }) => violations.length > 0);
  // The seed in the line repeats the schedule: npm run chaos -- --schedules 1 --seed N
  expect(bad.map(formatSchedule)).toEqual([]);
  expect(leftovers).toEqual([]);
  expect(heap).toBeDefined();
  // All of it has been put to the test: every fault, readers, and what broke off.
  expect(Object.entries(done).filter(([, times]) => times === 0)).toEqual([]);
  const sum = (what: "answers" | "onReaders" | "brokenOff" | "unknown" | "outcomes"): number =>
    schedules.reduce((total, schedule) => total + schedule[what], 0);
  expect(sum("answers")).toBeGreaterThan(10_000);
  expect(sum("onReaders")).toBeGreaterThan(300);
  expect(sum("brokenOff")).toBeGreaterThan(0);
  expect(sum("unknown")).toBeGreaterThan(10);
  expect(sum("outcomes")).toBeGreaterThan(0);
}, 900_000);
