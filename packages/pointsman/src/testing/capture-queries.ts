import { AsyncLocalStorage } from "node:async_hooks";
import { sendInside } from "../lazy-result.ts";
import type { Pool } from "../pool.ts";
import type { StatementEvent } from "../telemetry/events.ts";
import { listenTo } from "../telemetry/listen.ts";

/** A statement that ran: what, where, why, how long. */
export interface CapturedQuery extends StatementEvent {
  /** When it was called: `performance.now()`. */
  readonly startedAt: number;
}

/** One capture, and the one around it. */
interface Capture {
  readonly outer: Capture | undefined;
}

const storage = new AsyncLocalStorage<Capture>();

/**
 * Runs `fn` and tells which statements it has sent through a pool, in the order of their calls: also
 * those of functions that it calls, and of clients and transactions. Captures nest, and those that
 * run at the same time do not see each other's.
 *
 * @param pool - the pool whose statements count
 * @param fn - what to run; statements that it does not wait for are not seen
 * @throws what `fn` throws
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { captureQueries } from "pointsman/testing";
 *
 * const pool = createPool();
 * const queries = await captureQueries(pool, () => pool.query("select * from books"));
 * console.log(queries.map(({ target, reason }) => `${target} ${reason}`)); // [ 'reader plain-read' ]
 * ```
 */
export async function captureQueries(
  pool: Pool,
  fn: () => unknown,
): Promise<readonly CapturedQuery[]> {
  const capture: Capture = { outer: storage.getStore() };
  const queries: CapturedQuery[] = [];
  const stop = listenTo(pool, {
    "statement:end": (event) => {
      if (!isWithin(capture, storage.getStore())) return;
      queries.push({ ...event, startedAt: performance.now() - event.durationMs });
    },
  });
  try {
    await sendInside(storage.run(capture, fn), (step) => storage.run(capture, step));
  } finally {
    stop();
  }
  return queries.sort((a, b) => a.startedAt - b.startedAt);
}

function isWithin(capture: Capture, innermost: Capture | undefined): boolean {
  for (let one = innermost; one !== undefined; one = one.outer) if (one === capture) return true;
  return false;
}
