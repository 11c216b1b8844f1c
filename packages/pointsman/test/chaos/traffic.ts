import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pointsman";
import { callersOf } from "./callers.ts";
import { Ledger } from "./ledger.ts";

/** Callers of every kind, at work until they are stopped. */
export interface Traffic {
  readonly ledger: Ledger;
  /** Waits until so many more writes and reads are answered; whether they are in time. */
  flows(more: number, timeoutMillis: number): Promise<boolean>;
  /** Resolves with the names of those who get no answer in time. */
  stop(timeoutMillis: number): Promise<readonly string[]>;
}

export function startTraffic(pool: Pool, pauseMillis = 3): Traffic {
  const ledger = new Ledger(pool);
  let running = true;
  const waiting = new Set<string>();
  const callers = Object.entries(callersOf(pool, ledger)).map(async ([name, act]) => {
    waiting.add(name);
    while (running) {
      await act().catch((error) => ledger.wrong.push(`${name}: a caller got an error: ${error}`));
      await delay(pauseMillis);
    }
    waiting.delete(name);
  });
  return {
    ledger,
    flows: async (more, timeoutMillis) => {
      const [written, reads] = [ledger.written + more, ledger.reads + more];
      const deadline = performance.now() + timeoutMillis;
      while (ledger.written < written || ledger.reads < reads) {
        if (performance.now() > deadline) return false;
        await delay(5);
      }
      return true;
    },
    stop: async (timeoutMillis) => {
      running = false;
      await inTime(Promise.all(callers), timeoutMillis);
      return [...waiting];
    },
  };
}

/** Whether something is over in time. */
export async function inTime(work: Promise<unknown>, timeoutMillis: number): Promise<boolean> {
  const timeout = new AbortController();
  const late = delay(timeoutMillis, false, { signal: timeout.signal }).catch(() => false);
  const passed = await Promise.race([work.then(() => true), late]);
  timeout.abort();
  return passed;
}
