import type { StatementEvent } from "../../src/telemetry/events.ts";

/** What is told of a short read that a reader has answered. */
export const answered: StatementEvent = {
  id: 1,
  text: "select 1",
  effect: "read",
  commands: ["SELECT"],
  relations: [],
  writes: [],
  target: "reader",
  reason: "plain-read",
  endpoint: "r:1",
  durationMs: 1,
  retries: 0,
  freshness: "known",
};
