import type { EvictionReason } from "../telemetry/eviction-reasons.ts";

/** What a connection is given back with that is to be closed though nothing has failed. */
export class GivenUp extends Error {
  readonly reason: EvictionReason;

  constructor(reason: EvictionReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
