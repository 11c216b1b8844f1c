import { setTimeout as delay } from "node:timers/promises";

/**
 * Lets everybody else have their turn, and keeps no process alive. It is a timer and no immediate:
 * Node runs an immediate that keeps no process alive only when something else happens.
 */
export function nextTurn(): Promise<void> {
  return delay(1, undefined, { ref: false });
}
