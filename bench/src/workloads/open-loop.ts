import { setTimeout as delay } from "node:timers/promises";

/** A way to get at the database, as an application has it. */
export interface Access {
  write(id: number): Promise<unknown>;
  read(): Promise<unknown>;
}

/** What came of the requests. Times are milliseconds since 1970: another process compares them. */
export interface Outcome {
  readonly failedWrites: number;
  readonly failedReads: number;
  /** Of the failed writes, those of which the caller was told that nobody knows. */
  readonly unknownWrites: number;
  /** Requests that had no answer five seconds after the last one was sent. */
  readonly stuck: number;
  readonly begunAt: number;
  /** When the last request was sent. */
  readonly endedAt: number;
  /** When each write succeeded, in order. */
  readonly writtenAt: readonly number[];
  /** When each read was sent. */
  readonly readAt: readonly number[];
  /** How long it took, in milliseconds; `null` when it failed or was never answered. */
  readonly readMillis: readonly (number | null)[];
  /** What the first requests that failed were told, each text once. */
  readonly told: readonly string[];
}

export interface Load {
  readonly seconds: number;
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
}

const tickMillis = 5;
const graceMillis = 5000;
const mostTold = 5;
let nextId = 1;

/** Sends requests at a steady rate, whether or not earlier ones have been answered. */
export async function runOpenLoop(access: Access, load: Load): Promise<Outcome> {
  const counts = { failedWrites: 0, failedReads: 0, unknownWrites: 0 };
  const writtenAt: number[] = [];
  const readAt: number[] = [];
  const readMillis: (number | null)[] = [];
  const told = new Set<string>();
  let writes = 0;
  let open = 0;
  const send = (
    request: () => Promise<unknown>,
    done: () => void,
    failed: (error: Error & { readonly code?: string }) => void,
  ): void => {
    open += 1;
    // A contender may throw at once.
    new Promise((resolve) => resolve(request()))
      .then(done, (error) => {
        if (told.size < mostTold) told.add(`${error.code ?? error.name}: ${error.message}`);
        failed(error);
      })
      .finally(() => {
        open -= 1;
      });
  };
  const write = (): void => {
    writes += 1;
    const id = nextId++;
    send(
      () => access.write(id),
      () => writtenAt.push(now()),
      ({ code }) => {
        counts.failedWrites += 1;
        if (code === "WRITE_OUTCOME_UNKNOWN") counts.unknownWrites += 1;
      },
    );
  };
  const read = (): void => {
    const place = readAt.length;
    const sentAt = now();
    readAt.push(sentAt);
    readMillis.push(null);
    send(
      () => access.read(),
      () => {
        readMillis[place] = now() - sentAt;
      },
      () => {
        counts.failedReads += 1;
      },
    );
  };
  const begunAt = now();
  for (;;) {
    const elapsed = Math.min(now() - begunAt, load.seconds * 1000);
    while (writes < (elapsed / 1000) * load.writesPerSecond) write();
    while (readAt.length < (elapsed / 1000) * load.readsPerSecond) read();
    if (elapsed >= load.seconds * 1000) break;
    await delay(tickMillis);
  }
  const endedAt = now();
  while (open > 0 && now() - endedAt < graceMillis) await delay(50);
  return {
    ...counts,
    stuck: open,
    begunAt,
    endedAt,
    writtenAt: writtenAt.toSorted((a, b) => a - b),
    readAt,
    readMillis,
    told: [...told],
  };
}

/** Milliseconds since 1970, by a clock that does not jump. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
