import type { Pool as PgPool } from "pg";
import type { Config } from "../config/config.ts";
import { pgCallsOf } from "../servers/pg-calls.ts";
import type { SettlingPool } from "../servers/settling-pool.ts";
import { poolByHand } from "./by-hand.ts";
import { LagMeter } from "./lag-meter.ts";
import { type Decisions, Shadow } from "./shadow.ts";

/** What a pool has in shadow mode. */
export interface OpenShadow {
  readonly follower: Shadow;
  /** The pools of the two sides, for who chooses by hand. */
  readonly writer: PgPool;
  readonly reader: PgPool;
}

/** Follows what becomes of the statements of a pool that leads to the writer alone. */
export function openShadow(pool: SettlingPool, decisions: Decisions, config: Config): OpenShadow {
  const { readers, mirror, freshness } = config;
  const lag = readers.length > 0 && !mirror ? new LagMeter(config, pgCallsOf(pool)) : undefined;
  const follower = new Shadow(decisions, freshness.ignored, lag);
  return {
    follower,
    writer: poolByHand(pool, "writer", follower),
    reader: poolByHand(pool, "reader", follower),
  };
}
