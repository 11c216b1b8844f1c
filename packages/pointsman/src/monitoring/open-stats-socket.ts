import { listenTo } from "../telemetry/listen.ts";
import { warn } from "../telemetry/warnings.ts";
import { metrics } from "./metrics.ts";
import { type Metered, meterPool, readPool } from "./pool-meter.ts";
import { SlowestTexts } from "./slowest-texts.ts";
import type { Sample, Snapshot } from "./snapshot.ts";
import { StatsSocket } from "./stats-socket.ts";
import { Tally } from "./tally.ts";

/** How many texts are told in full, with the most time in all, and as many with the most of late. */
const mostTexts = 50;

/**
 * Has a pool tell its numbers on a socket in a directory.
 *
 * @param name - `host:port/database`
 * @returns ends it
 */
export function openStatsSocket(pool: Metered, directory: string, name: string): () => void {
  const startedAt = performance.now();
  const tally = new Tally();
  const slowest = new SlowestTexts();
  const stops = [
    meterPool(pool, tally),
    listenTo(pool, { "statement:end": (event) => slowest.count(event) }),
  ];
  const snapshot = (): Snapshot => ({
    version: 1,
    pid: process.pid,
    pool: name,
    at: Date.now(),
    uptimeMs: Math.round(performance.now() - startedAt),
    samples: [...tally.samples(), ...readSamples(pool)],
    ...slowest.told(mostTexts),
  });
  const end = (): void => {
    socket.end();
    for (const stop of stops) stop();
  };
  const socket = new StatsSocket(
    directory,
    () => JSON.stringify(snapshot()),
    (problem) => {
      // Nobody can ask: nothing need be counted.
      end();
      warn(
        "POINTSMAN_STATS_SOCKET_FAILED",
        `There is no socket that tells the numbers of this pool: ${problem} The pool works as ever, and pointsman top does not see it.`,
      );
    },
  );
  socket.open();
  return end;
}

function readSamples(pool: Metered): readonly Sample[] {
  return readPool(pool).map(({ metric, labels, value }) => ({
    name: metrics[metric].prometheus,
    labels,
    value,
  }));
}
