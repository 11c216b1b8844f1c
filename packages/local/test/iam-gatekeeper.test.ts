import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Gatekeeper } from "../src/iam/gatekeeper.ts";
import { forge } from "./iam-helpers.ts";

const target = { hostname: "app-instance-1.example", port: 5432, user: "app_iam" };
const region = "eu-west-2";
const keys = {
  accessKeyId: "ASIAAAAAAAAAAAAAAAAA",
  secretAccessKey: "secret",
  sessionToken: "session",
  issued: 0,
  expires: Number.MAX_SAFE_INTEGER,
};

let keeper: Gatekeeper;
let token: string;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  keeper = new Gatekeeper(region, () => keys);
  token = await forge({ ...target, region, keys });
});
afterEach(() => {
  vi.useRealTimers();
});

const attempts = async (count: number) => {
  const admitted = await Promise.all(
    Array.from({ length: count }, () => keeper.admits(token, target)),
  );
  return admitted.filter(Boolean).length;
};

test("a limit holds for any second, and counts who got in", async () => {
  keeper.throttle(5);
  expect(await attempts(3)).toBe(3);
  vi.advanceTimersByTime(600);
  expect(await attempts(4)).toBe(2);
  vi.advanceTimersByTime(399);
  expect(await attempts(1)).toBe(0);
  vi.advanceTimersByTime(1);
  expect(await attempts(9)).toBe(3);
  expect(keeper.seen).toMatchObject({ logins: 8, refusals: { throttled: 9 } });
});

test("the peak is the most logins in any second, whatever became of them", async () => {
  await attempts(2);
  vi.advanceTimersByTime(999);
  await attempts(3);
  vi.advanceTimersByTime(1);
  keeper.throttle(0);
  await attempts(1);
  expect(keeper.seen.peakPerSecond).toBe(5);
});

test("tokens are told apart, and not kept", async () => {
  await attempts(2);
  await keeper.admits(`${token}x`, target);
  await keeper.admits("", target);
  expect(keeper.seen).toMatchObject({
    distinctTokens: 2,
    logins: 2,
    refusals: { malformed: 1, empty: 1 },
  });
});
