import { markPool } from "./event-pool.ts";
import { channels, type EventName, type PointsmanEvents } from "./events.ts";

/**
 * Publishes an event of a pool. Nothing is made while nobody listens.
 *
 * @param pool - the pool that it is of
 * @param make - makes the event
 */
export function publish<K extends EventName>(
  name: K,
  pool: object,
  make: () => PointsmanEvents[K],
): void {
  const channel = channels[name];
  if (channel.hasSubscribers) channel.publish(markPool(make(), pool));
}
