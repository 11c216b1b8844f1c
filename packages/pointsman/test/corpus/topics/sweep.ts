import type { Client } from "pg";
import type { Random } from "../../consistency/random.ts";
import type { Statement, Topic } from "../statement.ts";

/** A value of each type, of a kind that many functions take. */
const samples: Readonly<Record<string, string>> = {
  "bit varying": "'101'",
  '"char"': "'a'",
  "character varying": "'abc'",
  "double precision": "1.5",
  interval: "'1 day'",
  regclass: "'books'",
  regproc: "'log_sql'",
  regtype: "'int4'",
  regrole: "'clerk'",
  regnamespace: "'public'",
  regconfig: "'simple'",
  regdictionary: "'simple'",
  regcollation: "'\"C\"'",
  regoper: "'||/'",
  regoperator: "'+(int4,int4)'",
  regprocedure: "'doubled(int4)'",
  "time with time zone": "'12:00+00'",
  "time without time zone": "'12:00'",
  "timestamp with time zone": "'2026-01-02 12:00Z'",
  "timestamp without time zone": "'2026-01-02 12:00'",
  bigint: "1",
  bit: "'1'",
  boolean: "true",
  box: "'(1,1),(0,0)'",
  bytea: "'abc'",
  character: "'a'",
  cid: "'1'",
  cidr: "'10.0.0.0/8'",
  circle: "'<(0,0),1>'",
  date: "'2026-01-02'",
  inet: "'10.0.0.1'",
  int2vector: "'1 2'",
  int4range: "'[1,5)'",
  int8range: "'[1,5)'",
  integer: "1",
  json: "'{\"a\": 1}'",
  jsonb: "'{\"a\": 1}'",
  jsonpath: "'$.a'",
  line: "'{1,2,3}'",
  lseg: "'[(0,0),(1,1)]'",
  macaddr: "'08:00:2b:01:02:03'",
  macaddr8: "'08:00:2b:01:02:03:04:05'",
  money: "'1.50'",
  name: "'books'",
  numeric: "2",
  numrange: "'[1,5)'",
  oid: "'books'::regclass",
  oidvector: "'23 25'",
  path: "'[(0,0),(1,1)]'",
  pg_lsn: "'0/1'",
  point: "'(1,1)'",
  polygon: "'((0,0),(1,1),(1,0))'",
  real: "1.5",
  smallint: "1",
  text: "'abc'",
  tid: "'(0,1)'",
  tsquery: "'abc'",
  tsrange: "'[2026-01-01,2026-02-01)'",
  tstzrange: "'[2026-01-01Z,2026-02-01Z)'",
  daterange: "'[2026-01-01,2026-02-01)'",
  int4multirange: "'{[1,5)}'",
  int8multirange: "'{[1,5)}'",
  nummultirange: "'{[1,5)}'",
  datemultirange: "'{[2026-01-01,2026-02-01)}'",
  tsmultirange: "'{[2026-01-01,2026-02-01)}'",
  tstzmultirange: "'{[2026-01-01Z,2026-02-01Z)}'",
  tsvector: "'abc:1'",
  txid_snapshot: "'10:20:'",
  pg_snapshot: "'10:20:'",
  uuid: "'00000000-0000-4000-8000-000000000000'",
  xid: "'3'",
  xid8: "'3'",
  xml: "'<a/>'",
  aclitem: "'clerk=r/app'",
  cstring: "'1'",
  anyarray: "array[1, 2]",
  anycompatiblearray: "array[1, 2]",
  anyelement: "1",
  anycompatible: "1",
  anynonarray: "1",
  anyrange: "int4range(1, 5)",
  anymultirange: "'{[1,5)}'::int4multirange",
  anyenum: "'glad'::mood",
  '"any"': "1",
  record: "row(1, 2)",
  // of extensions
  citext: "'abc'",
  hstore: "'a=>1'",
  ltree: "'a.b.c'",
  lquery: "'a.*'",
  ltxtquery: "'a & b'",
  cube: "'(1,2)'",
  earth: "ll_to_earth(51, 0)",
  query_int: "'1&2'",
  seg: "'1 .. 2'",
  isbn: "'978-0-393-04002-9'",
  isbn13: "'978-0-393-04002-9'",
  issn: "'1436-4522'",
  ean13: "'978-0-393-04002-9'",
  upc: "'220356483481'",
  ismn: "'979-0-060-11561-5'",
  lo: "4242",
  gtrgm: "'abc'",
};

/** What is never called: each with the reason. */
const leftOut: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /^pg_(promote|wal_replay_(pause|resume))$/,
    "it acts on recovery itself, and the readers would be no readers any more",
  ],
  [/^pg_(terminate|cancel)_backend$/, "it ends whoever has the number that is given"],
  [
    /^pg_rotate_logfile|^pg_log_|^pg_current_logfile|^pg_logdir_ls/,
    "its effect is a line or a file of the server's log",
  ],
  [/^pg_sleep/, "it takes its time"],
  [
    /^pg_(start|stop)_backup|^pg_backup_(start|stop)|^pg_is_in_backup/,
    "a backup lasts longer than a statement",
  ],
  [
    /^binary_upgrade_|^pg_(nextoid|stop_making_pinned_objects|extension_config_dump)$/,
    "it is for initdb and pg_upgrade",
  ],
  [
    /replication_(slot|origin)|logical_slot|^pg_sync_replication_slots/,
    "a slot outlasts the database that it is tried in",
  ],
  [
    /^pg_stat_(get_(activity|backend|progress|wal_senders|snapshot)|clear|force|get_xact)/,
    "it is about whatever else runs at the moment",
  ],
  [
    /^pg_(file_(write|rename|unlink|sync)|truncate_visibility_map|truncate_freespace|force_freespace)|^heap_force_/,
    "it damages the server that it is tried on",
  ],
  [
    /^pg_(prewarm|buffercache|evict)|^autoprewarm|^pg_(import_system_collations|notification_queue_usage|switch_wal|reload_conf|lock_status|export_snapshot)/,
    "it is about what the server has in memory, or is covered by name",
  ],
  [/^(pg_ls_|pg_stat_file|pg_read_|lo_(import|export))/, "its files are covered by name"],
  [
    /^(dblink|pg_walinspect|pg_get_wal_|pg_logical_emit|uuid_generate_v1)/,
    "it is covered by name, or its answers are never the same",
  ],
  [
    /^pg_relation_filepath$|^pg_database_collation/,
    "it tells of the database's folder, which is another when it is made anew",
  ],
  [/^(age|mxid_age)$/, "it counts transactions, of which the writer has some in between"],
  [
    /_(in|out|recv|send)$|handler$|validator$|^RI_FKey|_support$|sel$|typmod(in|out)$/,
    "PostgreSQL itself calls it",
  ],
];

function isLeftOut(name: string): boolean {
  return leftOut.some(([pattern]) => pattern.test(name));
}

interface Routine {
  readonly schema: string;
  readonly name: string;
  readonly kind: "f" | "a" | "w";
  /** IMMUTABLE, STABLE or VOLATILE, by its first letter. */
  readonly volatility: "i" | "s" | "v";
  readonly types: readonly string[];
  readonly extension: boolean;
}

interface Operator {
  readonly name: string;
  readonly left: string | null;
  readonly right: string;
  readonly extension: boolean;
}

/** A call of each function, operator and cast for whose arguments there is a sample. */
export async function sweep(client: Client, random: Random): Promise<Statement[]> {
  const { rows: routines } = await client.query<Routine>(`
    select distinct on (e.objid is not null, proname, prokind, pronargs, proargtypes::text)
      nspname as schema, proname as name, prokind as kind, provolatile as volatility, e.objid is not null as extension,
      array(select format_type(t, null) from unnest(proargtypes) with ordinality u(t, o) order by o) as types
    from pg_proc join pg_namespace n on n.oid = pronamespace
      left join pg_depend e on e.objid = pg_proc.oid and e.classid = 'pg_proc'::regclass and e.deptype = 'e'
    where (pronamespace = 'pg_catalog'::regnamespace or e.objid is not null) and prokind in ('f', 'a', 'w')
      and prorettype <> all (array['internal', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'tsm_handler', 'table_am_handler']::regtype[])
    order by 5, 2, 3, pronargs, proargtypes::text`);
  const { rows: operators } = await client.query<Operator>(`
    select oprname as name, nullif(format_type(nullif(oprleft, 0), null), '-') as left, format_type(oprright, null) as right,
      exists (select from pg_depend e where e.objid = o.oid and e.classid = 'pg_operator'::regclass and e.deptype = 'e') as extension
    from pg_operator o where oprright <> 0 order by oid`);
  const { rows: casts } = await client.query<{ from: string; to: string; extension: boolean }>(`
    select format_type(castsource, null) as from, format_type(casttarget, null) as to,
      exists (select from pg_depend e where e.objid = c.oid and e.classid = 'pg_cast'::regclass and e.deptype = 'e') as extension
    from pg_cast c where not exists (select from pg_type where oid in (castsource, casttarget) and typname in ('mood', 'place')) order by oid`);
  const calls = routines
    .filter(
      ({ name, types }) => !isLeftOut(name) && types.every((type) => sample(type) !== undefined),
    )
    // What only computes is tried by its share; of the rest everything.
    .filter(
      ({ extension, kind, volatility }) =>
        extension || kind !== "f" || volatility !== "i" || random.chance(0.35),
    )
    .map((routine) => of(routine.extension, calling(routine, random)));
  const operations = operators
    .filter(
      ({ left, right }) =>
        sample(right) !== undefined && (left === null || sample(left) !== undefined),
    )
    // Every operator of an extension, and a share of those for all pairs of number types.
    .filter(({ extension }) => extension || random.chance(0.3))
    .map(({ name, left, right, extension }) =>
      of(extension, `select ${left === null ? "" : `${cast(left)} `}${name} ${cast(right)}`),
    );
  const casting = casts
    .filter(({ from }) => sample(from) !== undefined)
    .map(({ from, to, extension }) => of(extension, `select ${cast(from)}::${to}`));
  return [...calls, ...operations, ...casting];
}

function of(extension: boolean, text: string): Statement {
  const topic: Topic = extension ? "extensions" : "builtins";
  return { topic, text };
}

function calling({ schema, name, kind, types }: Routine, random: Random): string {
  const spelled = /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`;
  const qualified =
    /^(extract|position|overlay|substring|trim|normalize|left|right|char|bit|time|timestamp|interval|numeric|int|float|xmlexists|varchar|bpchar)/.test(
      spelled,
    )
      ? `${schema}."${name}"`
      : schema !== "pg_catalog" || random.chance(0.8)
        ? spelled
        : `pg_catalog.${spelled}`;
  const call = `${qualified}(${types.map(cast).join(", ")})`;
  if (kind === "w") return `select ${call} over (order by id) from notes`;
  if (kind === "a") return `select ${types.length === 0 ? `${qualified}(*)` : call} from notes`;
  return random.pick([
    `select ${call}`,
    `select ${call}`,
    `select * from ${call}`,
    `select row(${call})::text as answer from notes where id = 1`,
  ]);
}

function sample(type: string): string | undefined {
  if (type in samples) return samples[type];
  const element = type.endsWith("[]") ? samples[type.slice(0, -2)] : undefined;
  return element === undefined ? undefined : `array[${element}]`;
}

function cast(type: string): string {
  const value = sample(type) as string;
  return /^any|^"any"$|^record$/.test(type) ? value : `(${value})::${type}`;
}
