import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { poolOf } from "./event-pool.ts";
import type { EventName, PointsmanEvents } from "./events.ts";

/** Who hears of the events of one pool. */
export type EventListeners = {
  readonly [K in EventName]?: (event: PointsmanEvents[K]) => void;
};

/**
 * Has the events of one pool heard, of all that `node:diagnostics_channel` carries.
 *
 * @param pool - only events of this pool count
 * @param listeners - by the name of the channel, without `pointsman:` in front
 * @returns ends it
 *
 * @example
 * ```ts
 * import { createPool, listenTo } from "pointsman";
 *
 * const pool = createPool();
 * const stop = listenTo(pool, {
 *   "statement:end": ({ text, target, reason, durationMs }) => {
 *     if (durationMs > 500) console.warn(`${target} (${reason}): ${text}`);
 *   },
 *   failover: ({ phase, endpoint }) => console.warn(phase, endpoint),
 * });
 * await pool.end();
 * stop();
 * ```
 */
export function listenTo(pool: object, listeners: EventListeners): () => void {
  const heard = Object.entries(listeners).map(([name, listener]) => {
    const tell = listener as (event: unknown) => void;
    const note = (event: unknown): void => {
      if (poolOf(event as object) === pool) tell(event);
    };
    subscribe(`pointsman:${name}`, note);
    return () => unsubscribe(`pointsman:${name}`, note);
  });
  return () => {
    for (const stop of heard) stop();
  };
}
