import type { ClientInternals } from "./pg-internals.ts";
import type { QueryInput } from "./query-input.ts";

/** A statement, with its values, that belongs to the set-up of a connection. */
export interface SetUpStatement {
  readonly query: QueryInput;
  readonly values?: unknown;
}

/**
 * What brings a connection back to the state it had after its set-up: everything that its users
 * left behind goes, and the settings of the set-up are made again.
 */
export function resetBatch(setUp: readonly SetUpStatement[]): readonly SetUpStatement[] {
  return [{ query: "DISCARD ALL" }, ...setUp];
}

/** `pg` remembers which named statements a connection has; after DISCARD ALL it has none. */
export function forgetPrepared(connection: ClientInternals["connection"]): void {
  if (connection === undefined) return;
  connection.parsedStatements = {};
  if (connection.submittedNamedStatements !== undefined) connection.submittedNamedStatements = {};
}
