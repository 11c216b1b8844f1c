import type { Config } from "../config/config.ts";
import { logPool } from "./log-pool.ts";
import { openStatsSocket } from "./open-stats-socket.ts";
import type { Metered } from "./pool-meter.ts";
import { type NamedPool, poolNameOf } from "./pool-name.ts";

/**
 * Has others told of a pool, as its options say: a logger, and whoever asks at the stats socket.
 *
 * @returns ends it
 */
export function tellOthers(
  pool: Metered & NamedPool,
  { log, statsSocket }: Pick<Config, "log" | "statsSocket">,
): () => void {
  const ends: (() => void)[] = [];
  if (log !== undefined) ends.push(logPool(pool, log));
  if (statsSocket !== undefined) ends.push(openStatsSocket(pool, statsSocket, poolNameOf(pool)));
  return () => {
    for (const end of ends) end();
  };
}
