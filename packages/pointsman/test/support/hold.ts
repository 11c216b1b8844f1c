import type pg from "pg";
import { onTestFinished } from "vitest";

/**
 * Holds one connection of a pool, until the test is over at the latest.
 *
 * @returns lets go of it; calling it again does nothing
 */
export async function hold(pool: Pick<pg.Pool, "connect">): Promise<() => void> {
  const holder = await pool.connect();
  let isHeld = true;
  const free = (): void => {
    if (isHeld) holder.release();
    isHeld = false;
  };
  onTestFinished(free);
  return free;
}
