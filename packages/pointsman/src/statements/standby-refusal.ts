import type { Classification, Statement } from "./types.ts";
import type { Verdict } from "./verdicts.ts";

/** Statements that a standby accepts although they belong on the writer. */
const acceptedCommands: ReadonlySet<string> = new Set([
  "CHECKPOINT",
  "ALTER SYSTEM",
  "UNLISTEN",
  "DO",
]);

/** Verdicts whose statements a standby refuses, though a merely read-only session may not. */
const refusedVerdicts: ReadonlySet<Verdict> = new Set<Verdict>([
  "data-change",
  "writing-cte",
  "row-lock",
  "select-into",
  "schema-change",
  "maintenance",
  "lock",
  "notification",
  "writing-function",
]);

/**
 * What a hot standby says to a text that it refuses, as far as the text alone tells; `undefined`
 * when it would run it.
 */
export function standbyRefusal(facts: Classification): string | undefined {
  for (const statement of facts.statements) {
    const refusal = refusalOf(statement);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** What two-phase commit writes, a standby refuses. */
const refusedControl: ReadonlySet<string> = new Set([
  "prepare",
  "commit-prepared",
  "rollback-prepared",
]);

/** Functions that a primary answers and a standby refuses, though they write nothing. */
const refusedFunctions: ReadonlySet<string> = new Set([
  "pg_current_wal_lsn",
  "pg_current_wal_insert_lsn",
  "pg_current_wal_flush_lsn",
  "pg_walfile_name",
  "pg_walfile_name_offset",
]);

function refusalOf(statement: Statement): string | undefined {
  const { command, verdict, transaction } = statement;
  if (acceptedCommands.has(command)) return undefined;
  if (refusedVerdicts.has(verdict)) return `cannot execute ${command} during recovery`;
  if (statement.session.includes("temporary")) {
    return `cannot execute ${command} in a read-only transaction`;
  }
  if (statement.functions.some((call) => refusedFunctions.has(call.name))) {
    return "recovery is in progress";
  }
  if (transaction === undefined) return undefined;
  if (refusedControl.has(transaction.kind)) return `cannot execute ${command} during recovery`;
  if (transaction.isolation === "serializable") {
    return "cannot use serializable mode in a hot standby";
  }
  if (transaction.readOnly === false && transaction.kind !== "set-default") {
    return "cannot set transaction read-write mode during recovery";
  }
  return undefined;
}
