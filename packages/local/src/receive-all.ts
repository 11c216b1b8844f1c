import { ClusterError } from "./errors.ts";
import type { Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";
import { poll } from "./wait.ts";

const RECEIVE_TIMEOUT_MS = 30_000;

/**
 * Has a reader get what other readers have received from a writer that is gone, and it has not:
 * what any of them has may have been acknowledged, and those that are ahead could not follow it.
 *
 * @throws ClusterError `TIMEOUT`
 */
export async function receiveAll(
  site: Site,
  { roster }: Running,
  reader: LocalServer,
): Promise<void> {
  const others = roster.readers.filter(
    (other) => other !== reader && other.follows === reader.follows && other.state === "running",
  );
  for (;;) {
    const own = await reader.received();
    const positions = await Promise.all(
      others.map(async (other) => ({ other, at: await other.received() })),
    );
    const ahead = positions.reduce<{ other?: LocalServer; at: bigint }>(
      (most, next) => (next.at > most.at ? next : most),
      { at: own },
    );
    if (ahead.other === undefined) return;
    await setUpstream(site, reader.name, {
      name: ahead.other.name,
      port: ahead.other.direct.port,
    });
    // One that holds back what it has does not ask for more. Its promotion applies all anyway.
    await reader.lag(0);
    await reader.resumeReplay();
    await untilItHas(reader, ahead.at, ahead.other);
  }
}

async function untilItHas(reader: LocalServer, position: bigint, from: LocalServer): Promise<void> {
  const done = await poll(
    async () => (await reader.received()) >= position || undefined,
    performance.now() + RECEIVE_TIMEOUT_MS,
    5,
  );
  if (done) return;
  throw new ClusterError(
    "TIMEOUT",
    `${reader.name} did not get what ${from.name} has of the WAL within ${RECEIVE_TIMEOUT_MS} ms. ` +
      "Its log may tell why.",
  );
}
