import { setTimeout as delay } from "node:timers/promises";
import type { Pool as PgPool } from "pg";
import { AmbientTransaction } from "./ambient-transaction.ts";
import { ConfigError, PointsmanError } from "./errors.ts";
import type { RoutedClient } from "./routed-client.ts";
import { currentScope, runInScope } from "./scope.ts";
import { isReaderRefusal } from "./servers/refusal.ts";
import { isolationLevels } from "./statements/isolation-levels.ts";
import type { IsolationLevel } from "./statements/types.ts";
import { transactionClient } from "./transaction-client.ts";

/** How a transaction is opened, and what happens when it fails. */
export interface TransactionOptions {
  /** Default: the database's own, usually `"read committed"`. */
  isolationLevel?: IsolationLevel | undefined;
  /** Declares that the transaction only reads: it then runs on a reader. Default: `false`. */
  readOnly?: boolean | undefined;
  /** For `serializable` and read-only: wait for a snapshot that cannot fail. Default: `false`. */
  deferrable?: boolean | undefined;
  /**
   * How often the whole callback is run again after a serialisation failure (40001), a deadlock
   * (40P01), or when its connection was lost before COMMIT (`TRANSACTION_LOST`) or had led to a
   * server that is no longer the writer (25006). Default: 0, since only the caller knows whether the callback does anything besides
   * its statements, such as sending mail.
   */
  retries?: number | undefined;
}

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
  const begin = beginText(options);
  const ambient = AmbientTransaction.of(pool, currentScope()?.transaction);
  if (ambient !== undefined) {
    if (begin !== "BEGIN") {
      throw new PointsmanError(
        "TRANSACTION_OPTIONS_NESTED",
        "isolationLevel, readOnly and deferrable hold for a whole transaction, and one is open here. Give them to the outermost transaction(), or start a separate one inside outsideTransaction().",
      );
    }
    return ambient.nest((level) => runSavepoint(level, fn));
  }
  const retries = options.retries ?? 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await runOnce(pool, begin, fn);
    } catch (error) {
      if (attempt >= retries || !isWorthRepeating(error, options)) throw error;
      await delay(Math.random() * Math.min(1000, 10 * 2 ** attempt));
    }
  }
}

async function runOnce<T>(
  pool: PgPool,
  begin: string,
  fn: (tx: TransactionClient) => Promise<T> | T,
): Promise<T> {
  const client = await pool.connect();
  const level = new AmbientTransaction(pool, client, currentScope()?.transaction);
  let problem: Error | undefined;
  let begun = false;
  try {
    await client.query(begin);
    begun = true;
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

const optionNames: readonly (keyof TransactionOptions)[] = [
  "isolationLevel",
  "readOnly",
  "deferrable",
  "retries",
];

function beginText(options: TransactionOptions): string {
  checkOptions(options);
  const { isolationLevel, readOnly, deferrable } = options;
  let text = "BEGIN";
  if (isolationLevel !== undefined) text += ` ISOLATION LEVEL ${isolationLevel.toUpperCase()}`;
  if (readOnly === true) text += " READ ONLY";
  if (deferrable === true) text += " DEFERRABLE";
  return text;
}

/** @throws ConfigError for the first mistake */
function checkOptions(options: TransactionOptions): void {
  const must = (name: string, wanted: string, value: unknown): ConfigError =>
    new ConfigError(name, `${name} must be ${wanted}; got ${JSON.stringify(value)}.`);
  if (typeof options !== "object" || options === null) {
    throw must("options", "an object such as { readOnly: true }", options);
  }
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    throw new ConfigError(
      name,
      `There is no option ${name} of a transaction. Known are: ${optionNames.join(", ")}.`,
    );
  }
  const { isolationLevel, readOnly, deferrable, retries } = options;
  if (isolationLevel !== undefined && !isolationLevels.includes(isolationLevel)) {
    throw must("isolationLevel", `one of ${isolationLevels.join(", ")}`, isolationLevel);
  }
  for (const [name, value] of Object.entries({ readOnly, deferrable })) {
    if (value !== undefined && typeof value !== "boolean") throw must(name, "true or false", value);
  }
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    throw must("retries", "a whole number of 0 or more", retries);
  }
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
