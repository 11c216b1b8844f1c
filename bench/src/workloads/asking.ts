import { setImmediate as turnOfTheEventLoop } from "node:timers/promises";
import { classify, type Pool } from "pointsman";
import type { Contender } from "../harness/benchmark.ts";
import { bytesNow } from "./held-memory.ts";

/** What it took to ask a database what is in it, while reads went on. */
export interface Asked {
  readonly millis: number;
  readonly cpuMillis: number;
  /** In milliseconds. */
  readonly longestPause: number;
  readonly slowestRead: number;
  readonly heldMegabytes: number;
}

const megabyte = 1024 * 1024;
/** As long as reads go on where nothing is asked. */
const leastMillis = 1000;

/** Opens a pool, and reads all the time until its database is known, and a second at least. */
export function asking(open: () => Pool, asks: boolean): Contender {
  let asked: Asked | undefined;
  return {
    async run() {
      const pool = open();
      try {
        // The parser takes its memory once, whatever is asked.
        classify("select 1");
        await pool.query("select 1");
        const before = bytesNow();
        const [start, cpu] = [performance.now(), process.cpuUsage()];
        let millis = 0;
        const knowing = asks
          ? pool.explain("select 1").then(() => {
              millis = performance.now() - start;
            })
          : Promise.resolve();
        const isOver = (): boolean =>
          (millis > 0 || !asks) && performance.now() - start > leastMillis;
        const [longestPause, slowestRead] = await Promise.all([
          pausesUntil(isOver),
          readsUntil(pool, isOver),
          knowing,
        ]);
        const { user, system } = process.cpuUsage(cpu);
        asked = {
          millis,
          cpuMillis: (user + system) / 1000,
          longestPause,
          slowestRead,
          heldMegabytes: (bytesNow() - before) / megabyte,
        };
      } finally {
        await pool.end();
      }
    },
    found: () => asked,
  };
}

async function pausesUntil(isOver: () => boolean): Promise<number> {
  let longest = 0;
  let last = performance.now();
  while (!isOver()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  }
  return longest;
}

async function readsUntil(pool: Pool, isOver: () => boolean): Promise<number> {
  let slowest = 0;
  while (!isOver()) {
    const start = performance.now();
    await pool.query("select 1");
    slowest = Math.max(slowest, performance.now() - start);
    await turnOfTheEventLoop();
  }
  return slowest;
}
