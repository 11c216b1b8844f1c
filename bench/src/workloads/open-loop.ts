import { setTimeout as delay } from "node:timers/promises";

/** A way to get at the database, as an application has it. */
export interface Access {
  write(id: number): Promise<unknown>;
  read(): Promise<unknown>;
  /** Gives up whatever is under way, in a moment. */
  close(): Promise<void>;
}

/** What came of the requests. */
export interface Outcome {
  readonly writes: number;
  readonly reads: number;
  readonly failedWrites: number;
  readonly failedReads: number;
  /** Of the failed writes, those of which the caller was told that nobody knows. */
  readonly unknownWrites: number;
  /** Requests that had no answer five seconds after the last one was sent. */
  readonly stuck: number;
  /** The longest time between two writes that succeeded, in milliseconds. */
  readonly longestGap: number;
  /** Whether a write of the last second succeeded. */
  readonly worksAtEnd: boolean;
  /** When each write succeeded, by `performance.now()`. */
  readonly writtenAt: readonly number[];
  /** How long reads took, in milliseconds, sorted. */
  readonly readMillis: readonly number[];
}

export interface Load {
  readonly seconds: number;
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
}

const tickMillis = 5;
const graceMillis = 5000;
let nextId = 1;

/** Sends requests at a steady rate, whether or not earlier ones have been answered. */
export async function runOpenLoop(access: Access, load: Load): Promise<Outcome> {
  const counts = { writes: 0, reads: 0, failedWrites: 0, failedReads: 0, unknownWrites: 0 };
  const writtenAt: number[] = [];
  const readMillis: number[] = [];
  let open = 0;
  const send = (
    request: () => Promise<unknown>,
    done: () => void,
    failed: (e: unknown) => void,
  ) => {
    open += 1;
    // A contender may throw at once.
    new Promise((resolve) => resolve(request())).then(done, failed).finally(() => {
      open -= 1;
    });
  };
  const write = (): void => {
    counts.writes += 1;
    const id = nextId++;
    send(
      () => access.write(id),
      () => writtenAt.push(performance.now()),
      (error) => {
        counts.failedWrites += 1;
        if ((error as { code?: string }).code === "WRITE_OUTCOME_UNKNOWN")
          counts.unknownWrites += 1;
      },
    );
  };
  const read = (): void => {
    counts.reads += 1;
    const sentAt = performance.now();
    send(
      () => access.read(),
      () => readMillis.push(performance.now() - sentAt),
      () => {
        counts.failedReads += 1;
      },
    );
  };
  const begin = performance.now();
  for (;;) {
    const elapsed = Math.min(performance.now() - begin, load.seconds * 1000);
    while (counts.writes < (elapsed / 1000) * load.writesPerSecond) write();
    while (counts.reads < (elapsed / 1000) * load.readsPerSecond) read();
    if (elapsed >= load.seconds * 1000) break;
    await delay(tickMillis);
  }
  const end = performance.now();
  while (open > 0 && performance.now() - end < graceMillis) await delay(50);
  let longestGap = 0;
  let last = begin;
  for (const at of writtenAt.toSorted((a, b) => a - b)) {
    longestGap = Math.max(longestGap, at - last);
    last = at;
  }
  return {
    ...counts,
    stuck: open,
    longestGap: Math.max(longestGap, end - last),
    worksAtEnd: writtenAt.some((at) => at > end - 1000),
    writtenAt,
    readMillis: readMillis.toSorted((a, b) => a - b),
  };
}
