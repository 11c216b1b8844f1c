import { expect, it } from "vitest";
import type { EndpointAddress } from "../../src/servers/endpoint-addresses.ts";
import { ServerLoad } from "../../src/servers/server-load.ts";

const address = { share: 1, isNear: false } as EndpointAddress;

/** A server whose uses took so long, one each millisecond. */
function used(millis: readonly number[]): ServerLoad {
  const load = new ServerLoad(address);
  for (const [at, one] of millis.entries()) load.took(one, at);
  return load;
}

const always = (millis: number, times = 50): number[] =>
  Array.from({ length: times }, () => millis);

/** The share of the choices between two that the first one gets. */
function shareOf(one: ServerLoad, other: ServerLoad, now = 50): number {
  const [a, b] = [one.merit(now), other.merit(now)];
  return a / (a + b);
}

it.each([0.05, 0.3, 1, 20])("two servers that take %s ms share the reads", (millis) => {
  expect(shareOf(used(always(millis)), used(always(millis)))).toBeCloseTo(0.5, 2);
  // One that had a slow beginning, and was used less since, too.
  const slowStart = used([millis + 5, ...always(millis, 9)]);
  expect(shareOf(slowStart, used(always(millis)))).toBeGreaterThan(0.2);
});

it("a server that nobody has used, or not for long, is tried", () => {
  expect(shareOf(new ServerLoad(address), used(always(0.3)))).toBeGreaterThan(0.5);
  const forgotten = used(always(60));
  const busy = new ServerLoad(address);
  for (let at = 0; at < 20_000; at += 10) busy.took(0.3, at);
  expect(shareOf(forgotten, used(always(0.3)))).toBeLessThan(0.01);
  expect(shareOf(forgotten, busy, 20_000)).toBeGreaterThan(0.3);
});

it("a server that is ten times slower, or has one at work, gets less", () => {
  expect(shareOf(used(always(3)), used(always(0.3)))).toBeLessThan(0.1);
  const busy = used(always(1));
  busy.busy = 1;
  expect(shareOf(busy, used(always(1)))).toBeCloseTo(0.2, 2);
  // One long report says little of its server.
  expect(shareOf(used([...always(1), 60_000]), used(always(1)))).toBeGreaterThan(0.05);
});
