import type { Random } from "../../consistency/random.ts";
import { rowsOf } from "../shapes.ts";
import type { Statement, Topic } from "../statement.ts";
import { lines } from "./lines.ts";
import { Queries } from "./queries.ts";

const writesToExplain = lines(`
  insert into notes values (9, 'x')
  insert into audit (what) select body from notes
  insert into notes values (1, 'x') on conflict (id) do update set body = excluded.body returning *
  update notes set body = 'x' where id = 1
  update books set stock = stock + 1 from order_lines where book_id = books.id
  delete from notes where id = 1
  delete from order_lines using orders where orders.id = order_id returning *
  with gone as (delete from notes returning *) select * from gone
  with x as (select 1 as id) insert into notes select id, 'a' from x
  select * from notes for update
  select * from books where id = 1 for share skip locked
  create table made as select * from notes
  create materialized view made as select * from notes
  select nextval('tickets')
  select id, nextval('tickets') from notes
  update measurements set value = 1 where at > '2026-01-01Z'
  insert into ruled values (1, 'x')
  delete from ruled
  declare c cursor for select * from notes
  select pg_sleep(9)
  select random() from notes
`);

const explainOptions = [
  "",
  "",
  "verbose ",
  "(costs off) ",
  "(format json) ",
  "(verbose, settings) ",
  "(analyze false) ",
  "(analyze off, costs off) ",
  "(analyze 0, format yaml) ",
];
const analyzeOptions = [
  "analyze ",
  "(analyze) ",
  "(analyze, costs off, timing off, summary off, buffers off) ",
  "(analyze true, buffers off) ",
  "analyze verbose ",
  "(analyze 1, format json) ",
];

const settings = lines(`
  search_path
  work_mem
  server_version
  server_version_num
  server_encoding
  client_encoding
  timezone
  DateStyle
  IntervalStyle
  standard_conforming_strings
  max_connections
  shared_buffers
  default_transaction_isolation
  transaction_isolation
  transaction isolation level
  session authorization
  time zone
  statement_timeout
  lock_timeout
  idle_in_transaction_session_timeout
  row_security
  role
  is_superuser
  integer_datetimes
  lc_messages
  lc_monetary
  max_identifier_length
  block_size
  wal_level
  fsync
  synchronous_commit
  max_wal_size
  checkpoint_timeout
  random_page_cost
  seq_page_cost
  effective_cache_size
  enable_seqscan
  enable_hashjoin
  jit
  default_statistics_target
  application_name
  bytea_output
  extra_float_digits
  xmloption
  maintenance_work_mem
  temp_buffers
  hot_standby
  max_prepared_transactions
  password_encryption
  ssl
  geqo
  from_collapse_limit
  join_collapse_limit
  constraint_exclusion
  cursor_tuple_fraction
  default_tablespace
  temp_tablespaces
  check_function_bodies
  default_table_access_method
  log_statement
  log_min_duration_statement
  autovacuum
  track_counts
  track_activities
  session_replication_role
  vacuum_cost_delay
  tcp_keepalives_idle
  deadlock_timeout
  max_locks_per_transaction
  array_nulls
  backslash_quote
  quote_all_identifiers
  transform_null_equals
  exit_on_error
  data_checksums
  segment_size
  wal_block_size
  shared_preload_libraries
  pg_stat_statements.max
  listen_addresses
  unix_socket_directories
  in_hot_standby
  transaction_read_only
  default_transaction_read_only
  data_directory
  config_file
  hba_file
  port
  cluster_name
  primary_conninfo
  archive_mode
  max_wal_senders
  max_replication_slots
  wal_keep_size
  recovery_target
  recovery_min_apply_delay
  hot_standby_feedback
  synchronous_standby_names
  max_worker_processes
  effective_io_concurrency
  debug_assertions
  event_source
  krb_server_keyfile
  local_preload_libraries
  trace_sort
  plan_cache_mode
  parallel_setup_cost
  max_parallel_workers
  commit_delay
  vacuum_freeze_min_age
  ALL
`);

const catalogs = lines(`
  pg_class
  pg_catalog.pg_class
  pg_attribute
  pg_type
  pg_proc
  pg_namespace
  pg_index
  pg_constraint
  pg_depend
  pg_description
  pg_roles
  pg_authid
  pg_auth_members
  pg_enum
  pg_extension
  pg_foreign_server
  pg_foreign_table
  pg_inherits
  pg_language
  pg_am
  pg_opclass
  pg_operator
  pg_cast
  pg_collation
  pg_policy
  pg_policies
  pg_rewrite
  pg_rules
  pg_tables
  pg_views
  pg_matviews
  pg_indexes
  pg_trigger
  pg_sequence
  pg_statistic_ext
  pg_stats
  pg_tablespace
  pg_timezone_names
  pg_timezone_abbrevs
  pg_ts_config
  pg_ts_dict
  pg_available_extensions
  pg_partitioned_table
  pg_range
  pg_user
  pg_group
  pg_shadow
  pg_default_acl
  pg_event_trigger
  pg_publication
  pg_shdescription
  pg_largeobject_metadata
  pg_largeobject
  pg_config
  information_schema.tables
  information_schema.columns
  information_schema.views
  information_schema.schemata
  information_schema.table_constraints
  information_schema.key_column_usage
  information_schema.referential_constraints
  information_schema.routines
  information_schema.sequences
  information_schema.domains
  information_schema.triggers
  information_schema.parameters
  information_schema.table_privileges
`);

const catalogQueries = lines(`
  select relname, reltuples from pg_class where relname = 'books'
  select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = 'books'::regclass and a.attnum > 0
  select pg_get_viewdef('cheap_books'::regclass)
  select pg_get_functiondef('log_sql'::regproc)
  select pg_get_indexdef(indexrelid) from pg_index where indrelid = 'books'::regclass
  select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'books'::regclass
  select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r'
  select has_table_privilege('books', 'select'), has_schema_privilege('public', 'usage')
  select to_regclass('books'), to_regtype('mood'), to_regproc('log_sql')
  select obj_description('books'::regclass), col_description('books'::regclass, 1)
  select enumlabel from pg_enum where enumtypid = 'mood'::regtype order by enumsortorder
  select pg_get_serial_sequence('orders', 'id')
  select pg_encoding_to_char(encoding) from pg_database where datname = current_database()
  select current_database(), current_schema(), current_schemas(true)
  select pg_table_is_visible('books'::regclass), pg_type_is_visible('mood'::regtype)
  select (information_schema._pg_expandarray(indkey)).n from pg_index limit 3
  select pg_get_userbyid(relowner) from pg_class where relname = 'books'
  select * from pg_partition_tree('measurements')
  select pg_relation_is_publishable('books'), pg_relation_filepath('notes') is not null
  select tableoid::regclass, ctid, xmin is not null from notes
`);

/** Statements that a reader can answer as well: EXPLAIN, SHOW, COPY, catalogs, and plain queries. */
export function reading(random: Random): Statement[] {
  const queries = new Queries(random);
  const many = (count: number, make: () => string): string[] => Array.from({ length: count }, make);
  const of = (topic: Topic, texts: readonly string[]): Statement[] =>
    texts.map((text) => ({ topic, text }));
  return [
    ...of(
      "queries",
      many(3_400, () => queries.query()),
    ),
    ...of(
      "explain",
      many(280, () => `explain ${random.pick(explainOptions)}${queries.query()}`),
    ),
    ...of(
      "explain",
      many(80, () => `explain ${random.pick(analyzeOptions)}${queries.query()}`),
    ),
    ...of(
      "explain",
      writesToExplain.flatMap((text) => [
        `explain ${text}`,
        `explain ${random.pick(explainOptions)}${text}`,
        ...(/pg_sleep/.test(text) ? [] : [`explain ${random.pick(analyzeOptions)}${text}`]),
      ]),
    ),
    ...of(
      "show",
      settings.map((name) => `show ${name}`),
    ),
    ...of(
      "show",
      settings
        .filter((name) => /^[a-z_]+$/.test(name))
        .slice(0, 40)
        .map((name) => `select current_setting('${name}')`),
    ),
    ...of("show", [
      "select current_setting('nothing.at_all', true)",
      "SHOW Server_Version",
      'show "search_path"',
      "show all",
    ]),
    ...of(
      "copy-out",
      many(
        260,
        () =>
          `copy (${queries.query()}) to stdout${random.pick(["", "", " with (format csv)", " (format csv, header)", " with csv", " (format binary)"])}`,
      ),
    ),
    ...of(
      "copy-out",
      [
        "books",
        "notes (id)",
        "customers (id, name)",
        "public.orders",
        "order_lines",
        "totals",
        "sums",
      ].flatMap((table) => [
        `copy ${table} to stdout`,
        `COPY ${table} TO STDOUT WITH (FORMAT csv, HEADER true)`,
      ]),
    ),
    ...of(
      "catalogs",
      catalogs.flatMap((name) => [
        `select count(*) > 0 from ${name}`,
        ...rowsOf(`(select * from ${name} limit 20)`, 1, random).slice(1),
        `select * from ${name} limit 5`,
      ]),
    ),
    ...of("catalogs", catalogQueries),
  ];
}
