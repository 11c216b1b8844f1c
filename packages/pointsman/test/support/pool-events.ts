import {
  type ConnectEvent,
  type EvictionEvent,
  type FailoverEvent,
  listenTo,
  type ReaderEvent,
} from "pointsman";
import { onTestFinished } from "vitest";

/** What a pool has told of its connections and servers since it was listened to. */
export interface PoolEvents {
  readonly connects: ConnectEvent[];
  readonly evictions: EvictionEvent[];
  readonly readers: ReaderEvent[];
  readonly failovers: FailoverEvent[];
}

/** Listens to a pool until the test is over. */
export function eventsOfPool(pool: object): PoolEvents {
  const events: PoolEvents = { connects: [], evictions: [], readers: [], failovers: [] };
  const stop = listenTo(pool, {
    connect: (event) => events.connects.push(event),
    eviction: (event) => events.evictions.push(event),
    reader: (event) => events.readers.push(event),
    failover: (event) => events.failovers.push(event),
  });
  onTestFinished(stop);
  return events;
}
