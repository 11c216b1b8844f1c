import { setTimeout as delay } from "node:timers/promises";
import type { Pool as PgPool } from "pg";
import { AmbientTransaction } from "./ambient-transaction.ts";
import { PointsmanError } from "./errors.ts";
import type { RoutedClient } from "./routed-client.ts";
import { currentScope, runInScope } from "./scope.ts";
import { isReaderRefusal } from "./servers/refusal.ts";
import { transactionClient } from "./transaction-client.ts";
import { type Opening, openingOf, type TransactionOptions } from "./transaction-options.ts";

export type { TransactionOptions } from "./transaction-options.ts";

/**
 * What the callback of `transaction()` gets: the client that carries the transaction. It cannot be
 * released, and refuses statements (`TRANSACTION_ENDED`) once the transaction is over.
 */
export type TransactionClient = Omit<RoutedClient, "release">;

/** Runs `fn` in a transaction, or in a savepoint of the transaction that is open around it. */
export async function runTransaction<T>(
  pool: PgPool,
  fn: (tx: TransactionClient) => Promise<T> | T,
  options: TransactionOptions,
): Promise<T> {
  const opening = openingOf(options);
  const ambient = AmbientTransaction.of(pool, currentScope()?.transaction);
  if (ambient !== undefined) {
    if (opening.begin !== "BEGIN" || opening.settings !== undefined) {
      throw new PointsmanError(
        "TRANSACTION_OPTIONS_NESTED",
        "isolationLevel, readOnly, deferrable and set hold for a whole transaction, and one is open here. Give them to the outermost transaction(), or start a separate one inside outsideTransaction().",
      );
    }
    return ambient.nest((level) => runSavepoint(level, fn));
  }
  const retries = options.retries ?? 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await runOnce(pool, opening, fn);
    } catch (error) {
      if (attempt >= retries || !isWorthRepeating(error, options)) throw error;
      await delay(Math.random() * Math.min(1000, 10 * 2 ** attempt));
    }
  }
}

async function runOnce<T>(
  pool: PgPool,
  { begin, settings }: Opening,
  fn: (tx: TransactionClient) => Promise<T> | T,
): Promise<T> {
  const client = await pool.connect();
  const level = new AmbientTransaction(pool, client, currentScope()?.transaction);
  let problem: Error | undefined;
  let begun = false;
  try {
    await client.query(begin);
    begun = true;
    if (settings !== undefined) await client.query(settings);
    const result = await runInside(level, fn);
    if (client.getTransactionStatus() === "I") throw notCommitted(endedInside);
    level.close("committed");
    const { command } = await client.query("COMMIT");
    if (command === "ROLLBACK") throw notCommitted(failedInside);
    return result;
  } catch (error) {
    level.close("rolled back");
    // Where BEGIN found no connection, ROLLBACK would wait for one again, all of the time-out.
    if (begun) {
      await client.query("ROLLBACK").catch((failure: Error) => {
        problem = failure;
      });
    }
    throw error;
  } finally {
    client.release(problem);
  }
}

/** A nested transaction whose outer one has ended sends nothing: the client is another's by then. */
async function runSavepoint<T>(
  level: AmbientTransaction,
  fn: (tx: TransactionClient) => Promise<T> | T,
): Promise<T> {
  const { client } = level;
  const name = `pointsman_${level.depth}`;
  await client.query(`SAVEPOINT ${name}`);
  try {
    const result = await runInside(level, fn);
    level.assertOpen();
    level.close("committed");
    await client.query(`RELEASE SAVEPOINT ${name}`);
    return result;
  } catch (error) {
    level.close("rolled back");
    if (level.outer?.open === true) {
      // When the connection itself is gone this fails too; the first error tells more.
      await client
        .query(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`)
        .catch(() => undefined);
    }
    throw error;
  }
}

/** Runs the callback of a transaction, and what it has nested and not awaited. */
async function runInside<T>(
  level: AmbientTransaction,
  fn: (tx: TransactionClient) => Promise<T> | T,
): Promise<T> {
  const scope = { writer: false, ...currentScope(), transaction: level };
  const result = await runInScope(scope, async () => fn(transactionClient(level)));
  await level.quiet();
  return result;
}

function isWorthRepeating(error: unknown, { readOnly }: TransactionOptions): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (code === "40001" || code === "40P01" || code === "TRANSACTION_LOST") return true;
  return readOnly !== true && code === "25006" && isReaderRefusal(error);
}

const failedInside =
  "a statement in it failed, and its error was caught inside the callback. Let the error out of the callback, or put the statement that may fail into a nested transaction().";

const endedInside =
  "the callback has sent COMMIT or ROLLBACK itself. Return from the callback to commit, and throw to roll back.";

function notCommitted(why: string): PointsmanError {
  return new PointsmanError(
    "TRANSACTION_NOT_COMMITTED",
    `The transaction could not be committed as a whole: ${why}`,
  );
}
