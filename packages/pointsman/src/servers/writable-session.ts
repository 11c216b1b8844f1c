import { PointsmanError } from "../errors.ts";

/** What a connection of a read-only pool is closed with whose session was made writable. */
export function writableSession(): PointsmanError {
  return new PointsmanError(
    "READ_ONLY_MODE",
    "A statement has made the session of this connection writable, and this pool is read-only (readOnly). The connection was closed, and nothing more was sent on it.",
  );
}

/** libpq's `options` of a session that is read-only at the server. */
export function readOnlySession(options = process.env["PGOPTIONS"]): string {
  return `${options ?? ""} -c default_transaction_read_only=on`.trim();
}

/** Makes the session of a new connection read-only, where the server has not taken its options. */
export const lockSession = "set default_transaction_read_only = on";
