import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits for a condition, and fails with its name when it does not come about.
 *
 * @returns the first answer that is neither `undefined` nor `false`
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await pause(5);
  }
}

/** What a promise is rejected with; fails when it is fulfilled. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const nothing = Symbol("nothing");
  const error = await promise.then(
    () => nothing,
    (reason: unknown) => reason,
  );
  if (error === nothing) throw new Error("The promise was expected to be rejected.");
  return error as Error & { code?: string };
}
