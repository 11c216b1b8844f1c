import { nonVolatileBuiltins } from "./builtin-names.ts";
import type { Effect, FunctionKnowledge, SessionState } from "./types.ts";

/** What is known about the builtin functions of one group. */
export interface Builtin {
  readonly knowledge: Exclude<FunctionKnowledge, "unknown">;
  /** The least that a statement which calls it does. */
  readonly effect: Effect;
  /** State that a call leaves on the connection. */
  readonly session?: SessionState;
  /** It acts outside the database, where nothing rolls it back: never call it a second time. */
  readonly outside?: true;
  /** A reader accepts it, and there it means nothing or harms. */
  readonly meaningless?: true;
}

interface Group extends Builtin {
  readonly names: string;
}

const harmless: Builtin = { knowledge: "harmless", effect: "read" };

/**
 * Every builtin function that is VOLATILE or otherwise not what its volatility promises, by what
 * becomes of it on a reader. A name covers all of its overloads. What is VOLATILE and in none of
 * these groups counts as unknown; the tests show that there is nothing of the kind.
 */
const groups: readonly Group[] = [
  // Harmless, though VOLATILE: the answer is as good from a reader.
  {
    ...harmless,
    names: `
      array_sample array_shuffle bernoulli clock_timestamp current_query currtid2 gen_random_uuid
      pg_jit_available pg_sleep pg_sleep_for pg_sleep_until random random_normal system timeofday
      timezone uuidv4 uuidv7`,
  },
  // Sizes, catalogs, lists that are the same on every server.
  {
    ...harmless,
    names: `
      amvalidate database_to_xmlschema pg_database_size pg_get_wait_events pg_get_wal_resource_managers pg_indexes_size
      pg_partition_ancestors pg_partition_tree pg_relation_size pg_table_size pg_tablespace_size
      pg_total_relation_size plpgsql_validator
      schema_to_xmlschema table_to_xmlschema`,
  },
  // Called by PostgreSQL itself; a statement that calls one of them is refused everywhere.
  {
    ...harmless,
    names: `
      RI_FKey_cascade_del RI_FKey_cascade_upd RI_FKey_check_ins RI_FKey_check_upd
      RI_FKey_noaction_del RI_FKey_noaction_upd RI_FKey_restrict_del RI_FKey_restrict_upd
      RI_FKey_setdefault_del RI_FKey_setdefault_upd RI_FKey_setnull_del RI_FKey_setnull_upd
      brinhandler bthandler dsnowball_init dsnowball_lexize ginhandler gisthandler hashhandler
      heap_tableam_handler plpgsql_call_handler plpgsql_inline_handler spghandler
      suppress_redundant_updates_trigger tsvector_update_trigger tsvector_update_trigger_column
      unique_key_recheck`,
  },

  // They change the database. txid_current and its successor are STABLE, and assign an id.
  {
    knowledge: "writes",
    effect: "write",
    names: `
      brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list
      lo_creat lo_create lo_from_bytea lo_put lo_truncate lo_truncate64 lo_unlink lowrite nextval
      pg_clear_attribute_stats pg_clear_relation_stats pg_current_xact_id pg_extension_config_dump
      pg_import_system_collations pg_nextoid pg_notify pg_restore_attribute_stats
      pg_restore_relation_stats pg_stop_making_pinned_objects setval txid_current`,
  },
  // They run the SQL, or read the tables, that they are given as a value: it may be anything.
  {
    knowledge: "writes",
    effect: "write",
    session: "setting",
    names: `
      database_to_xml database_to_xml_and_xmlschema query_to_xml query_to_xml_and_xmlschema
      query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema table_to_xml
      table_to_xml_and_xmlschema ts_rewrite
      ts_stat`,
  },
  // They write to the WAL, to the disk or to the server's state, past any transaction.
  {
    knowledge: "writes",
    effect: "write",
    outside: true,
    names: `
      binary_upgrade_add_sub_rel_state binary_upgrade_create_empty_extension
      binary_upgrade_logical_slot_has_caught_up binary_upgrade_replorigin_advance
      binary_upgrade_set_missing_value binary_upgrade_set_next_array_pg_type_oid
      binary_upgrade_set_next_heap_pg_class_oid binary_upgrade_set_next_heap_relfilenode
      binary_upgrade_set_next_index_pg_class_oid binary_upgrade_set_next_index_relfilenode
      binary_upgrade_set_next_multirange_array_pg_type_oid
      binary_upgrade_set_next_multirange_pg_type_oid binary_upgrade_set_next_pg_authid_oid
      binary_upgrade_set_next_pg_enum_oid binary_upgrade_set_next_pg_tablespace_oid
      binary_upgrade_set_next_pg_type_oid binary_upgrade_set_next_toast_pg_class_oid
      binary_upgrade_set_next_toast_relfilenode binary_upgrade_set_record_init_privs lo_import
      pg_create_restore_point pg_log_standby_snapshot pg_logical_emit_message
      pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
      pg_switch_wal`,
  },

  // Advisory locks: a reader grants them, and nobody on the writer is kept out.
  {
    knowledge: "server-bound",
    effect: "session",
    session: "lock",
    meaningless: true,
    names: `
      pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
      pg_advisory_unlock_shared pg_try_advisory_lock pg_try_advisory_lock_shared`,
  },
  {
    knowledge: "server-bound",
    effect: "session",
    meaningless: true,
    names: `
      pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_export_snapshot
      pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`,
  },
  // They change the state of one connection. What set_config leaves depends on its arguments.
  {
    knowledge: "server-bound",
    effect: "session",
    session: "setting",
    meaningless: true,
    names:
      "set_config setseed pg_replication_origin_session_reset pg_replication_origin_session_setup",
  },
  // They use state of one connection or transaction: cursors, open large objects, statistics.
  {
    knowledge: "server-bound",
    effect: "session",
    names: `
      cursor_to_xml cursor_to_xmlschema lo_close lo_get lo_lseek lo_lseek64 lo_open lo_tell
      lo_tell64 loread pg_replication_origin_xact_reset pg_replication_origin_xact_setup
      pg_stat_clear_snapshot pg_stat_force_next_flush`,
  },
  // They act on one server, and a reader lets them.
  {
    knowledge: "server-bound",
    effect: "write",
    outside: true,
    meaningless: true,
    names: `
      lo_export pg_backup_start pg_backup_stop pg_cancel_backend
      pg_copy_logical_replication_slot pg_copy_physical_replication_slot
      pg_create_logical_replication_slot pg_create_physical_replication_slot
      pg_drop_replication_slot pg_log_backend_memory_contexts pg_logical_slot_get_binary_changes
      pg_logical_slot_get_changes pg_reload_conf pg_replication_slot_advance pg_rotate_logfile
      pg_rotate_logfile_old pg_start_backup pg_stat_reset pg_stat_reset_backend_stats
      pg_stat_reset_replication_slot pg_stat_reset_shared pg_stat_reset_single_function_counters
      pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats
      pg_stop_backup pg_terminate_backend`,
  },
  // They act on a reader on purpose, and only there: for who asks a reader for it by name.
  {
    knowledge: "server-bound",
    effect: "write",
    outside: true,
    names: "pg_promote pg_sync_replication_slots pg_wal_replay_pause pg_wal_replay_resume",
  },
  // Files of one server.
  {
    knowledge: "server-bound",
    effect: "read",
    outside: true,
    names: `
      pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_ls_archive_statusdir pg_ls_dir
      pg_ls_logdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir
      pg_ls_tmpdir pg_ls_waldir pg_read_binary_file pg_read_file pg_read_file_old
      pg_show_all_file_settings pg_stat_file`,
  },
  // Sequences: a reader can be ahead of the writer by what was logged beforehand.
  {
    knowledge: "server-bound",
    effect: "read",
    names: "currval lastval pg_get_sequence_data pg_sequence_last_value",
  },
  // Role, WAL, backup and replication of one server.
  {
    knowledge: "server-bound",
    effect: "read",
    names: `
      pg_available_wal_summaries pg_backup_start_time pg_control_checkpoint pg_control_init
      pg_control_recovery pg_control_system pg_current_wal_flush_lsn pg_current_wal_insert_lsn
      pg_current_wal_lsn pg_get_replication_slots pg_get_wal_replay_pause_state
      pg_get_wal_summarizer_state pg_is_in_backup pg_is_in_recovery pg_is_wal_replay_paused
      pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
      pg_logical_slot_peek_binary_changes pg_logical_slot_peek_changes
      pg_replication_origin_oid pg_replication_origin_progress
      pg_replication_origin_session_is_setup
      pg_replication_origin_session_progress pg_show_replication_origin_status
      pg_wal_summary_contents pg_walfile_name pg_walfile_name_offset`,
  },
  // Transaction ids: a reader assigns none and knows others only as far as it has replayed.
  {
    knowledge: "server-bound",
    effect: "read",
    names: `
      pg_current_snapshot pg_current_xact_id_if_assigned pg_get_multixact_members
      pg_last_committed_xact pg_prepared_xact pg_xact_commit_timestamp
      pg_xact_commit_timestamp_origin pg_xact_status txid_current_if_assigned
      txid_current_snapshot txid_status`,
  },
  // Process, connection, memory, settings and configuration of one server.
  {
    knowledge: "server-bound",
    effect: "read",
    names: `
      inet_client_addr inet_client_port inet_server_addr inet_server_port pg_backend_pid
      pg_blocking_pids pg_collation_actual_version pg_conf_load_time pg_cursor
      pg_database_collation_actual_version pg_get_aios pg_get_backend_memory_contexts
      pg_get_loaded_modules pg_get_shmem_allocations pg_get_shmem_allocations_numa
      pg_isolation_test_session_is_blocked pg_listening_channels pg_lock_status pg_my_temp_schema
      pg_notification_queue_usage pg_postmaster_start_time pg_prepared_statement
      pg_safe_snapshot_blocking_pids pg_show_all_settings`,
  },
  // Statistics, other than those of tables, indexes and functions, which any server may give.
  {
    knowledge: "server-bound",
    effect: "read",
    names: `
      pg_stat_get_activity pg_stat_get_archiver pg_stat_get_backend_activity
      pg_stat_get_backend_activity_start pg_stat_get_backend_client_addr
      pg_stat_get_backend_client_port pg_stat_get_backend_dbid pg_stat_get_backend_idset
      pg_stat_get_backend_io pg_stat_get_backend_pid pg_stat_get_backend_start
      pg_stat_get_backend_subxact pg_stat_get_backend_userid pg_stat_get_backend_wait_event
      pg_stat_get_backend_wait_event_type pg_stat_get_backend_wal pg_stat_get_backend_xact_start
      pg_stat_get_bgwriter_buf_written_checkpoints pg_stat_get_bgwriter_buf_written_clean
      pg_stat_get_bgwriter_maxwritten_clean pg_stat_get_bgwriter_requested_checkpoints
      pg_stat_get_bgwriter_stat_reset_time pg_stat_get_bgwriter_timed_checkpoints
      pg_stat_get_buf_alloc pg_stat_get_buf_fsync_backend pg_stat_get_buf_written_backend
      pg_stat_get_checkpoint_sync_time pg_stat_get_checkpoint_write_time
      pg_stat_get_checkpointer_buffers_written pg_stat_get_checkpointer_num_performed
      pg_stat_get_checkpointer_num_requested pg_stat_get_checkpointer_num_timed
      pg_stat_get_checkpointer_restartpoints_performed
      pg_stat_get_checkpointer_restartpoints_requested
      pg_stat_get_checkpointer_restartpoints_timed pg_stat_get_checkpointer_slru_written
      pg_stat_get_checkpointer_stat_reset_time pg_stat_get_checkpointer_sync_time
      pg_stat_get_checkpointer_write_time pg_stat_get_db_active_time pg_stat_get_db_blk_read_time
      pg_stat_get_db_blk_write_time pg_stat_get_db_blocks_fetched pg_stat_get_db_blocks_hit
      pg_stat_get_db_checksum_failures pg_stat_get_db_checksum_last_failure
      pg_stat_get_db_conflict_all pg_stat_get_db_conflict_bufferpin pg_stat_get_db_conflict_lock
      pg_stat_get_db_conflict_logicalslot pg_stat_get_db_conflict_snapshot
      pg_stat_get_db_conflict_startup_deadlock pg_stat_get_db_conflict_tablespace
      pg_stat_get_db_deadlocks pg_stat_get_db_idle_in_transaction_time
      pg_stat_get_db_numbackends pg_stat_get_db_parallel_workers_launched
      pg_stat_get_db_parallel_workers_to_launch pg_stat_get_db_session_time
      pg_stat_get_db_sessions pg_stat_get_db_sessions_abandoned pg_stat_get_db_sessions_fatal
      pg_stat_get_db_sessions_killed pg_stat_get_db_stat_reset_time pg_stat_get_db_temp_bytes
      pg_stat_get_db_temp_files pg_stat_get_db_tuples_deleted pg_stat_get_db_tuples_fetched
      pg_stat_get_db_tuples_inserted pg_stat_get_db_tuples_returned pg_stat_get_db_tuples_updated
      pg_stat_get_db_xact_commit pg_stat_get_db_xact_rollback pg_stat_get_io
      pg_stat_get_progress_info pg_stat_get_recovery_prefetch pg_stat_get_replication_slot
      pg_stat_get_slru pg_stat_get_snapshot_timestamp pg_stat_get_subscription
      pg_stat_get_subscription_stats pg_stat_get_wal pg_stat_get_wal_receiver
      pg_stat_get_wal_senders pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
      pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time
      pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans
      pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
      pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted
      pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned
      pg_stat_get_xact_tuples_updated pg_stat_have_stats`,
  },
];

/** Functions of `information_schema`; all of them only compute. */
const informationSchema = words(`
  _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray
  _pg_index_position _pg_interval_type _pg_numeric_precision _pg_numeric_precision_radix
  _pg_numeric_scale _pg_truetypid _pg_truetypmod`);

const nonVolatile = new Set(words(nonVolatileBuiltins));
const builtins = new Map<string, Builtin>();
for (const name of nonVolatile) builtins.set(name, harmless);
for (const { names, ...builtin } of groups) {
  for (const name of words(names)) builtins.set(name, Object.freeze(builtin));
}
const ofInformationSchema = new Map(informationSchema.map((name) => [name, harmless]));

/** Whether every builtin of a name is VOLATILE, or may be: planning a statement does not call those. */
export function isVolatileBuiltin(name: string): boolean {
  return !nonVolatile.has(name);
}

/**
 * What is known about a function, by its name as a statement spells it.
 *
 * A name without a schema is taken for the builtin of that name, which is found first unless the
 * `search_path` lists another schema before `pg_catalog`. (A user's function that overloads a
 * builtin's name with other argument types cannot be told from it by the text.)
 *
 * @returns `undefined` for a function that is not a builtin of PostgreSQL 14 to 18.
 */
export function builtinFunction(schema: string | undefined, name: string): Builtin | undefined {
  if (schema === undefined || schema === "pg_catalog") return builtins.get(name);
  return schema === "information_schema" ? ofInformationSchema.get(name) : undefined;
}

function words(list: string): string[] {
  return list.split(/\s+/).filter((word) => word !== "");
}

/** The names of the builtins of which something is known, by what that is. */
export function builtinNames(isMeant: (builtin: Builtin) => boolean): string[] {
  return [...builtins].filter(([, builtin]) => isMeant(builtin)).map(([name]) => name);
}
