import type { FreshnessWish } from "./demand.ts";

/** Where positions come from: found out per server, or said by option. */
export type PositionSource = "auto" | "wal" | "transaction-id" | "time-window";

/** How freshness is kept, checked and complete. */
export interface FreshnessSettings extends FreshnessWish {
  /** How long a read may wait for a reader that is expected to get there in time, in ms. */
  readonly waitMillis: number;
  readonly positions: PositionSource;
  /** How long readers may lack a write where there are no positions, in ms. */
  readonly windowMillis: number;
  /** The first one signs tokens. */
  readonly secrets: readonly string[];
  readonly ignored: ReadonlySet<string>;
}
