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
