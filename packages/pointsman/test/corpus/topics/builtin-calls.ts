import type { Random } from "../../consistency/random.ts";
import { around } from "../shapes.ts";
import type { Statement, Surroundings, Topic } from "../statement.ts";
import { lines } from "./lines.ts";

/** Calls that change the database, or are an error on a server in recovery. */
const refused = lines(`
  nextval('tickets')
  nextval('cached_tickets'::regclass)
  pg_catalog.nextval('tickets')
  setval('tickets', 7)
  setval('tickets', 7, false)
  currval('tickets')
  lo_create(0)
  lo_creat(-1)
  lo_from_bytea(0, 'abc')
  lo_put(4242, 0, 'z')
  lo_unlink(4243)
  lo_import('/dev/null')
  lo_open(4242, 131072)
  lo_truncate(lo_open(4242, 131072), 3)
  lowrite(lo_open(4242, 131072), 'x')
  pg_notify('corpus', 'hello')
  pg_current_wal_lsn()
  pg_current_wal_insert_lsn()
  pg_current_wal_flush_lsn()
  pg_walfile_name('0/1000000')
  pg_walfile_name_offset('0/1000000')
  pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') > 0
  pg_logical_emit_message(true, 'corpus', 'hello')
  pg_logical_emit_message(false, 'corpus', 'hello')
  txid_current()
  txid_current() > 0
  pg_current_xact_id()
  pg_current_xact_id()::text
  brin_summarize_new_values('ranges_at')
  brin_summarize_range('ranges_at', 0)
  brin_desummarize_range('ranges_at', 0)
  gin_clean_pending_list('documents_words')
  pg_switch_wal()
  pg_create_restore_point('corpus')
  query_to_xml('update notes set body = body returning id', true, true, '')
  query_to_xml('select nextval(''tickets'')', true, false, '')
  query_to_xmlschema('select nextval(''tickets'')', true, false, '')
  table_to_xml('carts', true, false, '')
  ts_stat('insert into audit (what) values (''x'') returning to_tsvector(''x'')')
`);

/** Calls that a reader runs, with an effect or an answer that means nothing there. */
const accepted = lines(`
  pg_advisory_lock(1)
  pg_advisory_lock(1, 1)
  pg_advisory_lock_shared(2)
  pg_advisory_xact_lock(3)
  pg_advisory_xact_lock(2, 2)
  pg_advisory_xact_lock_shared(4)
  pg_try_advisory_lock(5)
  pg_try_advisory_lock(3, 3)
  pg_try_advisory_lock_shared(6)
  pg_try_advisory_xact_lock(7)
  pg_try_advisory_xact_lock_shared(8)
  pg_catalog.pg_advisory_lock(9)
  pg_advisory_unlock(77)
  pg_advisory_unlock_all()
  set_config('corpus.setting', 'changed', false)
  set_config('work_mem', '9MB', false)
  set_config('search_path', 'traps', is_local => false)
  setseed(0.5)
  pg_stat_reset()
  pg_stat_reset_shared('bgwriter')
  pg_stat_reset_shared('archiver')
  pg_stat_reset_single_table_counters('books'::regclass)
  pg_is_in_recovery()
  not pg_is_in_recovery()
  pg_catalog.pg_is_in_recovery()::text
  case when pg_is_in_recovery() then 'reader' else 'writer' end
  pg_last_wal_replay_lsn() is null
  pg_last_wal_receive_lsn() is null
  pg_last_xact_replay_timestamp() is null
  pg_export_snapshot()
  lo_open(4242, 262144)
  loread(lo_open(4242, 262144), 100)
  pg_cancel_backend((select pid from elsewhere))
  pg_reload_conf()
  current_setting('in_hot_standby')
  current_setting('transaction_read_only')
`);

/** Calls that are VOLATILE, and whose answer is as good from a reader. */
const harmless = lines(`
  random()
  random() * 10 < 11
  floor(random() * 1000000)
  gen_random_uuid()
  gen_random_uuid()::text
  clock_timestamp()
  clock_timestamp() > now()
  timeofday()
  pg_sleep(0)
  pg_sleep_for('0 s')
  pg_sleep_until(now())
  pg_relation_size('books')
  pg_relation_size('books', 'main')
  pg_table_size('books')
  pg_indexes_size('books')
  pg_total_relation_size('orders')
  pg_database_size(current_database())
  pg_database_size('postgres') > 0
  pg_tablespace_size('pg_default') > 0
  pg_size_pretty(pg_total_relation_size('books'))
  pg_jit_available()
  current_query()
  statement_timestamp()
  now() - statement_timestamp()
  pg_column_size('abc'::text)
  version()
  amvalidate((select min(oid) from pg_opclass))
`);

/** Answers about the server, the process or the connection that is asked. */
const thisServer = lines(`
  pg_backend_pid()
  pg_backend_pid() > 0
  inet_server_addr()
  inet_server_port()
  inet_client_addr()
  inet_client_port()
  pg_postmaster_start_time()
  pg_conf_load_time()
  pg_current_logfile()
  pg_blocking_pids(pg_backend_pid())
  pg_my_temp_schema()
  pg_notification_queue_usage()
  pg_stat_get_db_xact_commit(5)
  pg_stat_get_db_numbackends((select oid from pg_database where datname = current_database()))
  pg_stat_get_db_blocks_hit((select oid from pg_database where datname = current_database()))
  pg_stat_get_live_tuples('books'::regclass)
  pg_stat_get_numscans('books'::regclass)
  pg_stat_get_tuples_returned('books'::regclass)
  pg_stat_get_blocks_fetched('books'::regclass)
  pg_stat_get_blocks_hit('pg_class'::regclass)
  current_setting('port')
  current_setting('cluster_name')
  current_setting('data_directory')
  (select system_identifier > 0 from pg_control_system())
  (select checkpoint_lsn from pg_control_checkpoint())
  (select count(*) from pg_ls_waldir())
  (select size from pg_stat_file('postmaster.pid'))
  pg_read_file('postmaster.opts')
  (select count(*) > 0 from pg_ls_dir('.'))
`);

/** Builtins by what becomes of them on a reader, in many places of a statement. */
export function builtinCalls(random: Random, { folder, major }: Surroundings): Statement[] {
  const of = (topic: Topic, calls: readonly string[], others: number): Statement[] =>
    calls.flatMap((call) => around(call, others, random).map((text) => ({ topic, text })));
  const harmlessSince = [
    ...(major >= 16
      ? ["random_normal()", "array_sample(array[1, 2, 3, 4, 5, 6, 7, 8, 9], 5)"]
      : []),
    ...(major >= 18 ? ["uuidv7()", "uuidv4()"] : []),
  ];
  return [
    ...of("refused-builtins", refused, 4),
    ...of("accepted-builtins", accepted, 4),
    ...of("accepted-builtins", [`lo_export(4242, '${folder}/object')`], 3),
    ...of("harmless-volatile", [...harmless, ...harmlessSince], 7),
    ...of("this-server", thisServer, 4),
  ];
}
