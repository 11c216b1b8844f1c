import type { EndpointAddress } from "./endpoint-addresses.ts";

/** How soon an address is tried again that has answered, in milliseconds, at first. */
const pauseMillis = 40;
/** Later it is this share of the time that the search has taken, so that many do not rush one. */
const pauseShare = 0.02;
const longestPauseMillis = 400;
/** How soon it is tried again where it keeps silent: the same name may lead to another server. */
const patienceMillis = 400;
const mostAtOnce = 4;
/** How long a writer that was found waits for the others: one on a newer timeline is preferred. */
const doubtMillis = 50;

/** One address, and what became of the attempts to find the writer there. */
interface Trial {
  readonly address: EndpointAddress;
  underWay: number;
  /** When the last attempt was begun. */
  startedAt: number;
  /** When the last attempt was begun that has been answered. */
  answeredFrom: number;
  /** From one process to the next, so that not all come at the same moment. */
  jitter: number;
}

function newTrial(address: EndpointAddress): Trial {
  return {
    address,
    underWay: 0,
    startedAt: Number.NEGATIVE_INFINITY,
    answeredFrom: Number.NEGATIVE_INFINITY,
    jitter: jitter(),
  };
}

/**
 * Tries addresses again and again, all at the same time, until one of them leads to the writer.
 *
 * @param addresses - those that there are now, since more may become known meanwhile; the writer's
 * own endpoint first. While that leads to the writer, no other one is chosen: an endpoint of readers
 * may lead to one of them with the next connection.
 * @param attempt - the timeline of the server that an address leads to now, if that is a writer;
 * gives up by itself, never rejects
 * @param before - the newest timeline that is known, 0: none. A server that has gone on to a newer
 * one was promoted: nothing else can be heard that would change the choice.
 * @returns `undefined` when the signal was aborted before
 */
export function findWriter(
  addresses: () => readonly EndpointAddress[],
  attempt: (address: EndpointAddress) => Promise<number | undefined>,
  before: number,
  signal: AbortSignal,
): Promise<EndpointAddress | undefined> {
  // Nobody would hear of that any more.
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const known = new Map<EndpointAddress, Trial>();
    const trialsNow = (): readonly Trial[] =>
      addresses().map((address) => {
        const trial = known.get(address) ?? newTrial(address);
        known.set(address, trial);
        return trial;
      });
    let trials = trialsNow();
    const [own] = trials;
    let best: { readonly trial: Trial; readonly timeline: number } | undefined;
    let foundAt = 0;
    let doubt: NodeJS.Timeout | undefined;
    const begunAt = performance.now();
    const end = (found: EndpointAddress | undefined): void => {
      clearInterval(timer);
      clearTimeout(doubt);
      signal.removeEventListener("abort", aborted);
      resolve(found);
    };
    const aborted = (): void => end(undefined);
    const found = (trial: Trial, timeline: number): void => {
      if (best !== undefined) {
        const preferred = timeline === best.timeline && trial === own;
        if (timeline < best.timeline || (timeline === best.timeline && !preferred)) return;
      } else {
        foundAt = performance.now();
        doubt = setTimeout(() => end(best?.trial.address), doubtMillis);
      }
      best = { trial, timeline };
    };
    /** Whether nothing that is still to be heard can change the choice. */
    const isCertain = (): boolean => {
      if (before > 0 && best !== undefined && best.timeline > before) return true;
      if (best?.trial === own) {
        return trials.every(({ answeredFrom }) => answeredFrom > Number.NEGATIVE_INFINITY);
      }
      return trials.every((trial) => trial === best?.trial || trial.answeredFrom > foundAt);
    };
    const tick = (): void => {
      const now = performance.now();
      trials = trialsNow();
      const pause = Math.max(
        pauseMillis,
        Math.min(longestPauseMillis, (now - begunAt) * pauseShare),
      );
      for (const trial of trials) {
        const wanted = trial.jitter * (trial.underWay === 0 ? pause : patienceMillis);
        const { startedAt } = trial;
        if (trial.underWay >= mostAtOnce || now - startedAt < wanted) continue;
        trial.underWay += 1;
        trial.startedAt = now;
        trial.jitter = jitter();
        attempt(trial.address).then((timeline) => {
          trial.underWay -= 1;
          trial.answeredFrom = Math.max(trial.answeredFrom, now);
          if (timeline !== undefined) found(trial, timeline);
          if (best !== undefined && isCertain()) end(best.trial.address);
        });
      }
    };
    const timer = setInterval(tick, 10);
    signal.addEventListener("abort", aborted, { once: true });
    tick();
  });
}

function jitter(): number {
  return 0.75 + Math.random() / 2;
}
