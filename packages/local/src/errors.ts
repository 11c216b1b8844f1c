/**
 * What went wrong, for code to branch on:
 *
 * - `INVALID_OPTION`: an option, or a server that was named, makes no sense; nothing was done.
 * - `NO_BINARIES`: no PostgreSQL was found for this platform or version.
 * - `BINARIES_UNUSABLE`: a PostgreSQL was found and cannot be run.
 * - `NO_ACCOUNT`: started as root, and there is no unprivileged account to run PostgreSQL as.
 * - `INITDB_FAILED`: the data folder could not be made.
 * - `START_FAILED`: a server did not come up.
 * - `PORT_IN_USE`: a port that was asked for is taken.
 * - `TIMEOUT`: a server did not reach the wanted state in time.
 * - `NOT_RUNNING`: a server that is needed was stopped, crashed, frozen or made to vanish.
 * - `STOPPED`: the cluster has been stopped.
 */
export type ClusterErrorCode =
  | "INVALID_OPTION"
  | "NO_BINARIES"
  | "BINARIES_UNUSABLE"
  | "NO_ACCOUNT"
  | "INITDB_FAILED"
  | "START_FAILED"
  | "PORT_IN_USE"
  | "TIMEOUT"
  | "NOT_RUNNING"
  | "STOPPED";

/**
 * The one error class of this package. The message says what happened and then what to do about
 * it; `code` is stable.
 *
 * @example
 * try {
 *   await startCluster();
 * } catch (error) {
 *   if (error instanceof ClusterError && error.code === "NO_BINARIES") skipIntegrationTests();
 *   else throw error;
 * }
 */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
