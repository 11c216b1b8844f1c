import type { Demand } from "../consistency/demand.ts";
import { Line } from "../consistency/line.ts";
import { PointsmanError } from "../errors.ts";
import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import type { Staging, Taken, Taking } from "../staging.ts";
import { undoneTogether } from "./one-connection/play.ts";
import { SharedConnection } from "./one-connection/shared-connection.ts";
import { lendStandIn } from "./one-connection/stand-in-client.ts";
import { assertFree, assertWriter, runStaged, sidesOf, takeWriter } from "./one-scope.ts";
import { takePlace } from "./places.ts";

const name = "withRollback";
/** Set at the start: where it is unknown at the end, the transaction is another one. */
const start = "pointsman_start";

/**
 * Runs `fn` in one transaction on one connection to the writer, reads included, and rolls it back at
 * the end, whatever happens. It holds for everything that `fn` sends through the pool, and all that
 * it calls: `query()`, clients of `connect()`, `transaction()`, sessions, cursors, and what ORMs make
 * of them. Statements are routed as ever, and counted so: only what serves them is the one
 * connection. Transactions inside become savepoints, and a statement that fails undoes nothing else.
 * Many may run at the same time on one pool: each takes one connection, and waits for it in turn.
 *
 * @param pool - whose statements are rolled back
 * @param fn - what to run; may be asynchronous
 * @returns what `fn` returns
 * @throws what `fn` throws, and what connecting fails with; Error inside another one for the same
 * pool, and for a read-only pool; PointsmanError `TEST_TRANSACTION_LOST`
 * when the transaction has ended otherwise, or its connection was lost; `TEST_WRITE_UNDONE` when
 * something was written past a transaction of `fn` while that was open, and undone with it. Inside,
 * `TEST_STATEMENT_REFUSED` for a text that would end the transaction, such as COMMIT AND CHAIN, and
 * `TRANSACTION_ENDED` for what is sent when `fn` is over.
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { withRollback } from "pointsman/testing";
 *
 * const pool = createPool();
 * await withRollback(pool, async () => {
 *   await pool.query("delete from baskets");
 *   const { rows } = await pool.query("select count(*)::int as left from baskets");
 *   console.log(rows[0].left); // 0
 * }); // and all of them are back
 * ```
 */
export async function withRollback<T>(pool: Pool, fn: () => T): Promise<Awaited<T>> {
  assertFree(pool, name);
  await assertWriter(pool, name);
  const leave = await takePlace(pool);
  try {
    return await runRolledBack(pool, fn);
  } finally {
    leave();
  }
}

async function runRolledBack<T>(pool: Pool, fn: () => T): Promise<Awaited<T>> {
  const { client, release } = await takeWriter(pool);
  const shared = new SharedConnection(client, name);
  const problem = await shared.begin(`begin; savepoint ${start}`);
  if (problem !== undefined) {
    release(problem);
    throw problem;
  }
  let result: Awaited<T> | undefined;
  let failure: { readonly thrown: unknown } | undefined;
  try {
    result = await runStaged(new Rehearsal(pool, shared), fn);
  } catch (thrown) {
    failure = { thrown };
  }
  const lost = await rollBack(shared);
  release(lost ?? shared.residue);
  if (lost !== undefined) throw withCause(lost, failure?.thrown);
  if (shared.undone.length > 0) throw undoneTogether(shared.undone, failure?.thrown);
  if (failure !== undefined) throw failure.thrown;
  return result as Awaited<T>;
}

/** What has failed in the code tells more than that its transaction was given up. */
function withCause(lost: PointsmanError, thrown: unknown): PointsmanError {
  const isKnown = thrown === undefined || thrown === lost || lost.cause !== undefined;
  return isKnown ? lost : new PointsmanError(lost.code, lost.message, { cause: thrown });
}

/** @returns why nobody knows that nothing is left */
async function rollBack(shared: SharedConnection): Promise<PointsmanError | undefined> {
  await shared.close(
    new PointsmanError(
      "TRANSACTION_ENDED",
      `${name}() is over, and this statement belongs to it. It was not sent. Await everything inside its callback.`,
    ),
  );
  if (shared.problem !== undefined) return shared.problem;
  try {
    await shared.ask(`rollback to savepoint ${start}`);
    await shared.ask("rollback");
  } catch (error) {
    return shared.fail(
      "TEST_TRANSACTION_LOST",
      `The transaction of ${name}() could not be rolled back: ${(error as Error).message}. What was done inside may have been committed.`,
      error as Error,
    );
  }
  return undefined;
}

/** Hands out clients that all stand on the one connection. */
class Rehearsal implements Staging {
  readonly name = name;
  readonly pools: ReadonlyMap<object, Target>;
  readonly line = new Line();
  readonly #pool: Pool;
  readonly #shared: SharedConnection;

  constructor(pool: Pool, shared: SharedConnection) {
    this.#pool = pool;
    this.#shared = shared;
    this.pools = sidesOf(pool);
  }

  take(side: Target, _demand: Demand | undefined, callback: Taken): Taking {
    lendStandIn(this.#shared, side, this.#pool, callback);
    return "taken";
  }
}
