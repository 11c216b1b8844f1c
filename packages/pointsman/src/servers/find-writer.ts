import type { EndpointAddress } from "./endpoint-addresses.ts";

/** How soon an address is tried again that has answered, in milliseconds. */
const pauseMillis = 40;
/** The same where it keeps silent: the next attempt may reach another server by the same name. */
const patienceMillis = 400;
/** How long that goes on before it is taken easier. */
const urgentMillis = 60_000;
const mostAtOnce = 4;
/** How long a writer that was found waits for the others: one on a newer timeline is preferred. */
const doubtMillis = 50;

/**
 * Tries addresses again and again, all at the same time, until one of them leads to the writer.
 *
 * @param attempt - the timeline of the server that an address leads to now, if that is a writer;
 * gives up by itself, never rejects
 * @returns `undefined` when the signal was aborted before
 */
export function findWriter(
  addresses: readonly EndpointAddress[],
  attempt: (address: EndpointAddress) => Promise<number | undefined>,
  signal: AbortSignal,
): Promise<EndpointAddress | undefined> {
  return new Promise((resolve) => {
    const trials = addresses.map((address) => ({
      address,
      underWay: 0,
      startedAt: Number.NEGATIVE_INFINITY,
      answered: false,
    }));
    let best: { readonly address: EndpointAddress; readonly timeline: number } | undefined;
    let doubt: NodeJS.Timeout | undefined;
    const begunAt = performance.now();
    const end = (found: EndpointAddress | undefined): void => {
      clearInterval(timer);
      clearTimeout(doubt);
      signal.removeEventListener("abort", aborted);
      resolve(found);
    };
    const aborted = (): void => end(undefined);
    const tick = (): void => {
      const now = performance.now();
      const slower = now - begunAt > urgentMillis ? 10 : 1;
      for (const trial of trials) {
        const pause = slower * (trial.underWay === 0 ? pauseMillis : patienceMillis);
        if (trial.underWay >= mostAtOnce || now - trial.startedAt < pause) continue;
        trial.underWay += 1;
        trial.startedAt = now;
        attempt(trial.address).then((timeline) => {
          trial.underWay -= 1;
          trial.answered = true;
          if (timeline !== undefined && (best === undefined || timeline > best.timeline)) {
            best = { address: trial.address, timeline };
            doubt ??= setTimeout(() => end(best?.address), doubtMillis);
          }
          if (best !== undefined && trials.every(({ answered }) => answered)) end(best.address);
        });
      }
    };
    const timer = setInterval(tick, 10);
    signal.addEventListener("abort", aborted, { once: true });
    tick();
  });
}
