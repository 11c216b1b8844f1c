import { setTimeout as delay } from "node:timers/promises";

/** A way to keep a session from reading what is older than its own writes. */
export interface Strategy {
  /** Runs one session for as long as `work` takes. */
  session(work: (session: Access) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** What a session does: each has a row of its own. */
export interface Access {
  /** Counts up the row and tells its number. */
  write(row: number): Promise<number>;
  /** The row's number, and the server that told it. */
  read(row: number): Promise<{ readonly number: number; readonly server: string }>;
}

/** What came of it. */
export interface Outcome {
  readonly reads: number;
  /** Reads that readers served. */
  readonly onReaders: number;
  /** Reads that did not see the session's own last write. */
  readonly stale: number;
  /** Reads that failed: a reader cancels what stands in the way of its replay. */
  readonly failed: number;
  /** Milliseconds, sorted. */
  readonly latencies: readonly number[];
}

export interface Load {
  readonly sessions: number;
  readonly seconds: number;
  /** Of all operations. */
  readonly writeShare: number;
  /** Milliseconds between a session's operations, on average. */
  readonly thinkMs: number;
}

/** Lets sessions write and read their own rows, each with a pause behind each operation. */
export async function runSessions(strategy: Strategy, load: Load): Promise<Outcome> {
  const { sessions, seconds, writeShare, thinkMs } = load;
  // The clock starts when all have a connection behind them: opening these is not what is measured.
  let end = Number.POSITIVE_INFINITY;
  let started = 0;
  const latencies: number[] = [];
  let onReaders = 0;
  let stale = 0;
  let failed = 0;
  const one = (row: number) =>
    strategy.session(async (access) => {
      let written = (await access.read(row).catch(() => ({ number: 0 }))).number;
      started += 1;
      if (started === sessions) end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        await delay(-Math.log(1 - Math.random()) * thinkMs);
        if (Math.random() < writeShare) {
          written = await access.write(row);
          continue;
        }
        const started = performance.now();
        const answer = await access.read(row).catch(() => undefined);
        if (answer === undefined) {
          failed += 1;
          continue;
        }
        const { number, server } = answer;
        latencies.push(performance.now() - started);
        if (server !== "writer") onReaders += 1;
        if (number < written) stale += 1;
        written = Math.max(written, number);
      }
    });
  await Promise.all(Array.from({ length: sessions }, (_, row) => one(row)));
  latencies.sort((a, b) => a - b);
  return { reads: latencies.length, onReaders, stale, failed, latencies };
}
