/**
 * Every code that an error of this library carries, with what it means. Errors that PostgreSQL or
 * `pg` raise pass through untouched and are not in this list.
 */
export const errorCodes = {
  CONFIG_INVALID: "An option, a URL or an environment variable is not usable.",
  AUTHENTICATION_FAILED: "A server has refused the password that `auth` had made.",
  PASSWORD_UNAVAILABLE: "`auth` could not make a password for a connection.",
  PACKAGE_MISSING: "An optional package that a feature needs is not installed.",
  READER_OF_ANOTHER_CLUSTER: "A reader endpoint leads to another database cluster than the writer.",
  MEANINGLESS_ON_READER:
    "A statement inside a READ ONLY transaction on a reader would succeed there and mean nothing.",
  TRANSACTION_NOT_COMMITTED:
    "A transaction could not be committed as a whole: a statement in it had failed, or its callback has ended it.",
  TRANSACTION_ENDED: "A statement belongs to a transaction that is over.",
  ROUTE_HOOK_UNUSABLE: "The `route` hook has returned something else than a target.",
  WRITER_UNAVAILABLE: "No writer was found in time; the statement was not sent.",
  READER_UNAVAILABLE: "Every reader is out, and reads are kept off the writer by option.",
  READ_ONLY_MODE: "The pool is read-only, and the statement does more than read.",
  FRESHNESS_UNAVAILABLE:
    "The pool is read-only, and no reader had what a read must see, or nobody can tell.",
  WRITE_OUTCOME_UNKNOWN:
    "A connection was lost behind a write that had been sent: it may have happened, or not.",
  TRANSACTION_LOST: "The connection of an open transaction was lost: nothing of it happened.",
  SESSION_LOST:
    "The connection that carried the state of a session was lost, and the state with it.",
  QUEUE_FULL: "Too many callers wait for a connection already.",
  TEST_STATEMENT_REFUSED:
    "Inside `withRollback` a statement would end the one transaction that everything runs in.",
  TEST_TRANSACTION_LOST:
    "The transaction that a test runs in was ended past this library, or its connection was lost.",
  TEST_WRITE_UNDONE: "Inside `withRollback` a write was undone with a transaction of other code.",
  TRANSACTION_OPTIONS_NESTED: "Options were given to a nested transaction, which cannot have any.",
} as const satisfies Record<string, string>;

/** A stable, documented code of an error of this library. */
export type ErrorCode = keyof typeof errorCodes;

/**
 * An error that this library raises itself. Errors of PostgreSQL and of `pg` are never wrapped.
 *
 * @example
 * ```ts
 * import { PointsmanError } from "pointsman";
 *
 * const tell = (error: unknown) =>
 *   error instanceof PointsmanError ? `${error.code}: ${error.message}` : String(error);
 * ```
 */
export class PointsmanError extends Error {
  /** What went wrong, for programs: stable across versions. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PointsmanError";
    this.code = code;
  }
}

/**
 * A write that was sent, and whose connection was lost before it was answered: it may have happened,
 * or not. It is never sent again by this library. `pool.outcome(error)` finds out, where it can.
 *
 * @example
 * ```ts
 * import { createPool, WriteOutcomeUnknown } from "pointsman";
 *
 * const pool = createPool();
 * try {
 *   await pool.query("insert into payments (id, pence) values ($1, $2)", [7, 1200]);
 * } catch (error) {
 *   if (!(error instanceof WriteOutcomeUnknown)) throw error;
 *   const { rows } = await pool.query({
 *     text: "select 1 from payments where id = $1",
 *     values: [7],
 *     target: "writer",
 *   });
 *   console.log(rows.length === 1 ? "paid" : "not paid");
 * }
 * ```
 */
export class WriteOutcomeUnknown extends PointsmanError {
  /** The transaction's id, where it was known before the connection was lost. */
  readonly transactionId: string | undefined;

  constructor(message: string, transactionId: string | undefined, options?: ErrorOptions) {
    super("WRITE_OUTCOME_UNKNOWN", message, options);
    this.transactionId = transactionId;
  }
}

/** A mistake in the configuration; `option` names where. */
export class ConfigError extends PointsmanError {
  /** The option or environment variable that is wrong, for example `readerPool.max`. */
  readonly option: string;

  constructor(option: string, message: string, options?: ErrorOptions) {
    super("CONFIG_INVALID", message, options);
    this.name = "ConfigError";
    this.option = option;
  }
}
