import { PointsmanError } from "../errors.ts";

/** What a caller is told when no more may wait for a connection. */
export function queueFull(most: number): PointsmanError {
  return new PointsmanError(
    "QUEUE_FULL",
    `${most} callers wait for a connection already, and no more may. Nothing was sent. Raise maxWaiting, or find out what holds the connections: pool.stats().`,
  );
}
