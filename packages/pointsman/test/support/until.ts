import { expect } from "vitest";

/** Waits for a condition, and fails with its name when it does not come about. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  await expect.poll(condition, { timeout: 15_000, interval: 5, message: what }).toBe(true);
}
