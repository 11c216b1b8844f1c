/** System views whose rows belong to one server or to one connection. */
const relations = new Set([
  "pg_aios",
  "pg_backend_memory_contexts",
  "pg_cursors",
  "pg_dsm_registry_allocations",
  "pg_file_settings",
  "pg_hba_file_rules",
  "pg_ident_file_mappings",
  "pg_locks",
  "pg_prepared_statements",
  "pg_prepared_xacts",
  "pg_replication_origin_status",
  "pg_replication_slots",
  "pg_sequences",
  "pg_settings",
  "pg_shmem_allocations",
  "pg_shmem_allocations_numa",
  "pg_stat_activity",
  "pg_stat_archiver",
  "pg_stat_bgwriter",
  "pg_stat_checkpointer",
  "pg_stat_database",
  "pg_stat_database_conflicts",
  "pg_stat_gssapi",
  "pg_stat_io",
  "pg_stat_recovery_prefetch",
  "pg_stat_replication",
  "pg_stat_replication_slots",
  "pg_stat_slru",
  "pg_stat_ssl",
  "pg_stat_subscription",
  "pg_stat_subscription_stats",
  "pg_stat_wal",
  "pg_stat_wal_receiver",
  "pg_stat_xact_all_tables",
  "pg_stat_xact_sys_tables",
  "pg_stat_xact_user_functions",
  "pg_stat_xact_user_tables",
]);

/** Settings that tell one server's role; `all` is SHOW ALL. */
const settings = new Set([
  "all",
  "default_transaction_read_only",
  "in_hot_standby",
  "primary_conninfo",
  "primary_slot_name",
  "transaction_read_only",
]);

/** Whether a relation's rows belong to one server or one connection. */
export function isServerBoundRelation(schema: string | undefined, name: string): boolean {
  if (schema !== undefined && schema !== "pg_catalog") return false;
  return relations.has(name) || name.startsWith("pg_stat_progress_");
}

/** Whether the value of a setting belongs to one server. Names of settings ignore case. */
export function isServerBoundSetting(name: string): boolean {
  return settings.has(name.toLowerCase());
}

/** Whether a schema is the temporary one of this or of another connection. */
export function isTemporarySchema(schema: string | undefined): boolean {
  return schema !== undefined && /^pg_temp(_\d+)?$/.test(schema);
}
