import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again and again until the answer is something else than `undefined`, and returns it.
 *
 * @param deadline a time of `performance.now()`, in milliseconds; the last asking may end after it
 * @param interval pause between two askings, in milliseconds
 * @returns `undefined` when the deadline passed first
 */
export async function poll<Answer>(
  ask: () => Promise<Answer | undefined> | Answer | undefined,
  deadline: number,
  interval: number,
): Promise<Answer | undefined> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await pause(interval);
  }
}
