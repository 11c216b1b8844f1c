import type { ServerError } from "./pg-internals.ts";

/** How a mirror marks the errors that it raises in a standby's name. */
export const mirrorMark = { schema: "pointsman", constraint: "mirror" } as const;

/**
 * The places in PostgreSQL's source that refuse a statement because the server is in recovery or
 * the transaction read-only, by SQLSTATE. The codes alone say too little (0A000 and 55000 have many
 * other meanings), and the messages are translated. Held against what standbys of PostgreSQL 14 and
 * 18 answer by a test.
 */
const refusingRoutines: Readonly<Record<string, ReadonlySet<string>>> = {
  // read_only_sql_transaction
  "25006": new Set([
    "PreventCommandDuringRecovery",
    "PreventCommandIfReadOnly",
    // replication origins
    "replorigin_check_prerequisites",
  ]),
  // feature_not_supported
  "0A000": new Set([
    // unlogged relations
    "get_relation_info",
    // default_transaction_isolation = serializable
    "GetSerializableTransactionSnapshot",
    "SetSerializableTransactionSnapshot",
    // SET TRANSACTION READ WRITE and ISOLATION LEVEL SERIALIZABLE: the check of a setting reports
    // its errors from here
    "call_bool_check_hook",
    "call_enum_check_hook",
  ]),
  // object_not_in_prerequisite_state
  "55000": new Set([
    "LockAcquireExtended",
    "pg_current_wal_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_flush_lsn",
    "pg_switch_wal",
    "pg_create_restore_point",
    "pg_walfile_name",
    "pg_walfile_name_offset",
    "pg_log_standby_snapshot",
    "brin_summarize_range",
    "brin_desummarize_range",
    "gin_clean_pending_list",
    // statistics that are set by hand, since PostgreSQL 18
    "relation_statistics_update",
    "attribute_statistics_update",
    "pg_clear_attribute_stats",
    // the extension pg_surgery
    "heap_force_common",
    // exclusive backups, up to PostgreSQL 14
    "do_pg_start_backup",
  ]),
  // undefined_file: an unlogged table has no file on a standby, which COPY finds out late
  "58P01": new Set(["mdopenfork"]),
  // internal_error
  XX000: new Set(["XLogBeginInsert", "GetNewTransactionId", "GetNewObjectId", "GetNewMultiXactId"]),
};

/** Whether a server refused a statement only because it is a reader. */
export function isReaderRefusal(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, routine, schema, constraint } = error as ServerError;
  if (code === undefined) return false;
  if (schema === mirrorMark.schema && constraint === mirrorMark.constraint) return true;
  return routine !== undefined && refusingRoutines[code]?.has(routine) === true;
}

/** Whether a server refused a statement because it writes, and the server or the session must not. */
export function isWriteRefusal(error: unknown): boolean {
  return isReaderRefusal(error) && ["25006", "XX000"].includes((error as ServerError).code ?? "");
}

/** What a server says that does not know a schema, table, column, function or type. */
const missing: ReadonlySet<string | undefined> = new Set([
  "42P01",
  "42703",
  "42883",
  "3F000",
  "42704",
]);

/**
 * Whether a statement names something that the server does not have: where a migration was just
 * run, a reader may not have it yet. A new value of an enum is one of invalid text.
 */
export function isSchemaMissing(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as ServerError;
  return missing.has(code) || (code === "22P02" && routine === "enum_in");
}
