import type { Demand } from "../consistency/demand.ts";
import type { Line } from "../consistency/line.ts";
import type { SessionLine } from "../consistency/session.ts";
import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import type { Staging, Taken, Taking } from "../staging.ts";
import { assertFree, assertTwoSides, assertWriter, runStaged, sidesOf } from "./one-scope.ts";
import { takePlaces } from "./places.ts";
import { Snapshot } from "./snapshot.ts";

const name = "lagging";
/** The longest time that a timer can wait, in milliseconds. */
const longestMillis = 2 ** 31 - 1;

/** Taken once: fake timers of a test must not stop the lag. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

/** A reader that lags. */
export interface Lag {
  /** Has the reader replay all that was committed before this call. */
  catchUp(): Promise<void>;
}

/**
 * Runs `fn` with a reader that lags: what it and all that it calls would read from a reader shows
 * the database as it was before. Statements are routed as ever. What must be fresh goes to the
 * writer, as with a reader that is behind (`reader-behind`): own writes of a session, those of the
 * process where that is the level of consistency, a `maxStaleness` that is exceeded. So only those
 * reads are old that could be old in production. It needs no replica: two connections to the writer
 * hold snapshots; without `ms` it is one.
 *
 * @param pool - with a reader side: `reader`, `readers`, or `mirror: true` on one server
 * @param ms - how old, in milliseconds, what is read is at least; it is about twice as old at most. Left
 * out, or `Infinity`: nothing is replayed until `catchUp()`
 * @param fn - what to run; may be asynchronous. Gets the {@link Lag}
 * @returns what `fn` returns
 * @throws what `fn` throws, and what connecting fails with; RangeError when the pool has too few
 * connections for that, or `ms` is no positive number; Error for a pool without a reader side;
 * PointsmanError `TEST_TRANSACTION_LOST` when the connection of a snapshot was lost
 *
 * @example
 * ```ts
 * import { createPool, withFreshness } from "pointsman";
 * import { lagging } from "pointsman/testing";
 *
 * const pool = createPool({ mirror: true });
 * const stock = () =>
 *   withFreshness({ consistency: "eventual" }, async () => {
 *     const { rows } = await pool.query("select stock from books where id = 1");
 *     return rows[0].stock;
 *   });
 * await lagging(pool, async (lag) => {
 *   await pool.query("update books set stock = 100 where id = 1");
 *   console.log(await stock()); // 7
 *   await lag.catchUp();
 *   console.log(await stock()); // 100
 * });
 * ```
 */
export async function lagging<T>(pool: Pool, fn: (lag: Lag) => T): Promise<Awaited<T>>;
export async function lagging<T>(pool: Pool, ms: number, fn: (lag: Lag) => T): Promise<Awaited<T>>;
export async function lagging<T>(
  pool: Pool,
  ms: number | ((lag: Lag) => T),
  fn?: (lag: Lag) => T,
): Promise<Awaited<T>> {
  const work = (typeof ms === "function" ? ms : fn) as (lag: Lag) => T;
  const millis = typeof ms === "number" ? ms : Number.POSITIVE_INFINITY;
  if (!(millis > 0)) {
    throw new RangeError(`The lag must be a positive number of milliseconds, not ${millis}.`);
  }
  assertTwoSides(pool, name);
  assertFree(pool, name);
  await assertWriter(pool, name);
  const places = millis <= longestMillis ? 2 : 1;
  const leave = await takePlaces(pool, places, name);
  const snapshots: Snapshot[] = [];
  try {
    for (let n = 0; n < places; n++) snapshots.push(await Snapshot.take(pool, name));
    const reader = new LaggingReader(pool, snapshots, millis);
    try {
      return await runStaged(reader, () => work({ catchUp: () => reader.catchUp() }));
    } finally {
      await reader.stop();
    }
  } finally {
    await endAll(snapshots).finally(leave);
  }
}

async function endAll(snapshots: readonly Snapshot[]): Promise<void> {
  const problems = await Promise.all(snapshots.map((snapshot) => snapshot.end(name)));
  const problem = problems.find((one) => one !== undefined);
  if (problem !== undefined) throw problem;
}

/** Serves what goes to a reader from a snapshot, unless it must be fresher. */
class LaggingReader implements Staging {
  readonly name = name;
  readonly pools: ReadonlyMap<object, Target>;
  readonly #pool: Pool;
  /** The first is what is shown, and behind it is what will be shown next. */
  readonly #snapshots: Snapshot[];
  readonly #millis: number;
  /** When writes of a line were answered at last, by `performance.now()`. */
  readonly #wroteAt = new WeakMap<Line, number>();
  /** What is newer than this a session has seen. */
  readonly #sawAt = new WeakMap<SessionLine, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #replaying: Promise<void> = Promise.resolve();

  constructor(pool: Pool, snapshots: readonly Snapshot[], millis: number) {
    this.#pool = pool;
    this.#snapshots = [...snapshots];
    this.#millis = millis;
    this.pools = sidesOf(pool);
    if (snapshots.length > 1) this.#wait();
  }

  take(side: Target, demand: Demand | undefined, callback: Taken): Taking {
    if (side === "writer") return "as ever";
    const [snapshot] = this.#snapshots as [Snapshot];
    if (demand !== undefined && !this.#shows(snapshot, demand)) return "behind";
    snapshot.lend(side, this.#pool, callback);
    return "taken";
  }

  answered(demand: Demand | undefined, writes: boolean): void {
    if (demand === undefined) return;
    const now = performance.now();
    if (writes) for (const line of demand.lines) this.#wroteAt.set(line, now);
    if (demand.session !== undefined) this.#sawAt.set(demand.session, now);
  }

  /** Shows all that was committed before the call. */
  catchUp(): Promise<void> {
    this.#replaying = this.#replaying.then(async () => {
      for (const snapshot of this.#snapshots) await snapshot.renew();
    });
    return this.#replaying;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    stopTimer(this.#timer);
    for (const snapshot of this.#snapshots) snapshot.stop();
    await this.#replaying;
  }

  /** Whether a snapshot has what a read must see. */
  #shows({ at }: Snapshot, { line, session, maxStaleness }: Demand): boolean {
    if (line !== undefined) {
      if ((this.#wroteAt.get(line) ?? Number.NEGATIVE_INFINITY) >= at) return false;
      if (line.position !== undefined && line.since >= at) return false;
    }
    if (session !== undefined && (this.#sawAt.get(session) ?? 0) >= at) return false;
    return maxStaleness === undefined || performance.now() - at <= maxStaleness;
  }

  /** From the moment at which the last snapshot was taken, which is shown when the time is up. */
  #wait(): void {
    if (this.#stopped) return;
    this.#timer = startTimer(() => {
      this.#replaying = this.#replaying.then(async () => {
        await this.#goOn();
        this.#wait();
      });
    }, this.#millis);
  }

  /** Shows the snapshot that is old enough by now, and takes another one for later. */
  async #goOn(): Promise<void> {
    const [shown] = this.#snapshots as [Snapshot, Snapshot];
    this.#snapshots.reverse();
    if (await shown.free()) await shown.renew();
  }
}
