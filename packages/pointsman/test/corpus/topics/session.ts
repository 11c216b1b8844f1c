import type { Statement } from "../statement.ts";
import { lines } from "./lines.ts";

const settings = [
  "work_mem = '6MB'",
  "search_path = traps, public",
  "search_path to traps",
  "time zone 'Europe/London'",
  "timezone = 'Asia/Tokyo'",
  "datestyle = 'SQL, DMY'",
  "statement_timeout = '9s'",
  "lock_timeout = 1000",
  "enable_seqscan = off",
  "enable_hashjoin to false",
  "extra_float_digits = 0",
  "bytea_output = 'escape'",
  "intervalstyle = 'iso_8601'",
  "corpus.setting = 'set'",
  "application_name = 'set'",
  "client_min_messages = warning",
  "default_transaction_isolation = 'repeatable read'",
  "default_transaction_read_only = on",
  "default_transaction_deferrable = on",
  "row_security = off",
  "jit = off",
  "random_page_cost = 2",
  "default_statistics_target = 50",
  "xmlbinary = hex",
  "synchronous_commit = off",
  "plan_cache_mode = force_generic_plan",
  "temp_buffers = '1MB'",
  "constraint_exclusion = on",
  "quote_all_identifiers = on",
  "session_replication_role = replica",
  "client_encoding = 'LATIN1'",
  "names 'LATIN1'",
  "xml option document",
  "seed to 0.5",
  "role clerk",
  "role 'clerk'",
  "session authorization clerk",
  "session authorization 'clerk'",
  "idle_in_transaction_session_timeout = '1min'",
  "default_tablespace = 'pg_default'",
  "log_statement = 'none'",
  "track_activities = off",
  "from_collapse_limit = 3",
  "geqo = off",
  "check_function_bodies = off",
  "max_parallel_workers_per_gather = 0",
  "commit_delay = 5",
  "array_nulls = off",
  "deadlock_timeout = '2s'",
  "maintenance_work_mem = '32MB'",
];

const others = lines(`
  reset corpus.setting
  reset all
  discard all
  discard plans
  discard sequences
  discard temp
  load 'auto_explain'
  listen corpus
  listen other
  unlisten corpus
  unlisten *
  notify corpus
  notify corpus, 'payload'
  set session characteristics as transaction read only
  set session characteristics as transaction isolation level serializable
  begin
  begin work
  start transaction
  begin transaction isolation level repeatable read
  begin read write
  begin isolation level serializable
  begin isolation level serializable read only
  begin isolation level serializable read only deferrable
  begin read only
  begin transaction read only
  start transaction read only
  start transaction isolation level repeatable read read only
  begin isolation level read committed read only
  begin read only deferrable
  prepare transaction 'corpus'
  create temporary table session_table (id int)
  create temp table session_table as select 1 as a
  create temporary view session_view as select 1 as a
  create temporary sequence session_sequence
  create table pg_temp.session_table (id int)
  declare session_cursor cursor with hold for select * from notes
  declare session_cursor binary cursor with hold for values (1)
  prepare session_plan as select * from notes
  prepare session_plan (int, text) as insert into notes values ($1, $2)
  select set_config('corpus.setting', 'one', false)
  select set_config('work_mem', '6MB', false), 1
  select pg_advisory_lock(10), count(*) from notes
`);

/**
 * What changes or uses the state of a connection. COMMIT, SAVEPOINT and their like, SET LOCAL and SET
 * TRANSACTION mean nothing by themselves: they stand in texts of several statements, under `syntax`.
 */
export function sessionChanges(): Statement[] {
  const verbs = ["set", "set session"];
  const sets = settings.map(
    (setting, i) =>
      `${/^(names|xml|seed|time zone|role|session)/.test(setting) ? "set" : verbs[i % 2]} ${setting}`,
  );
  const both = settings
    .filter((setting) => /^\w+ = /.test(setting))
    .map((setting) => `SET ${setting.replace(" = ", " TO ")}`);
  return [...sets, ...both, ...others].map((text) => ({ topic: "session", text }));
}
