import type { Route } from "./routing/route.ts";
import { waitedInVain } from "./servers/connection-loss.ts";
import type { Release, SettlingPool } from "./servers/settling-pool.ts";
import type { TakenClient, TrackCallback } from "./taken-client.ts";

/** Milliseconds that are left until then; there is always a little. */
export function remaining(deadline: number): number {
  return Math.max(1, deadline - performance.now());
}

/** Takes a client from a pool, waiting for `budget` milliseconds at most. */
export function takeWithin(
  pool: SettlingPool,
  budget: number | undefined,
  route: Route,
  callback: TrackCallback,
): void {
  if (budget === undefined) {
    pool.acquire((error, client, release) =>
      callback(error, client as TakenClient | undefined, release, route),
    );
    return;
  }
  takePatiently(
    pool,
    [budget],
    () => false,
    (_outcome, error, client, release) => callback(error, client, release, route),
  );
}

/**
 * Takes a client from a pool. At each of the times, in milliseconds from now, it is given up if
 * there is no sense in waiting; at the last one it is an error.
 */
export function takePatiently(
  pool: SettlingPool,
  times: readonly [number, ...number[]],
  hopeless: () => boolean,
  callback: (
    outcome: "answered" | "given up",
    error: Error | undefined,
    client: TakenClient | undefined,
    release: Release,
  ) => void,
): void {
  let over = false;
  const timers = times.map((millis, at) =>
    setTimeout(() => {
      const last = at === times.length - 1;
      if (over || !(last || hopeless())) return;
      over = true;
      for (const timer of timers) clearTimeout(timer);
      callback(hopeless() ? "given up" : "answered", waitedInVain(), undefined, () => {});
    }, millis).unref(),
  );
  pool.acquire((error, client, release) => {
    if (over) {
      if (client !== undefined) release();
      return;
    }
    over = true;
    for (const timer of timers) clearTimeout(timer);
    callback("answered", error, client as TakenClient | undefined, release);
  });
}
