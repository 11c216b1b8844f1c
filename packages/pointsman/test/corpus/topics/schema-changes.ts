import type { Statement, Surroundings } from "../statement.ts";
import { lines } from "./lines.ts";

const inDatabase = lines(`
  create table made (id int primary key, other int references notes)
  create table if not exists notes (id int)
  create unlogged table made (id int)
  create table made (like books including all)
  create table made partition of measurements default
  create table made (id int) partition by hash (id)
  create table made () inherits (parent_notes)
  create table made of place
  create foreign table made (id int) server afar options (table_name 'notes')
  create sequence made
  create sequence made increment 5 start 10 cycle
  create view made as select 1 as a
  create or replace view cheap_books as select id, title, pence from books where pence < 500
  create recursive view made (n) as select 1 union all select n + 1 from made where n < 3
  create materialized view made as select * from books
  create materialized view made as select * from books with no data
  create index on books (pence)
  create unique index made on notes (body)
  create index concurrently made on notes (body)
  create statistics made (dependencies) on pence, stock from books
  create trigger made after insert on notes for each row execute function note_change()
  create rule made as on update to notes do also notify corpus
  create policy made on notes for select using (true)
  create function made() returns int language sql as 'select 1'
  create or replace function doubled(i int) returns int language sql return i * 3
  create procedure made() language sql as 'select 1'
  create aggregate made(int) (sfunc = int4pl, stype = int)
  create operator +- (leftarg = int, rightarg = int, function = int4pl)
  create type made as (a int, b text)
  create type made as enum ('a', 'b')
  create type made as range (subtype = float8)
  create type made
  create domain made as text check (value <> '')
  create cast (text as mood) with inout
  create conversion made for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8
  create operator class made for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int)
  create operator family made using btree
  create collation made (locale = 'C')
  create text search configuration made (copy = simple)
  create text search dictionary made (template = simple)
  create text search parser made (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype)
  create text search template made (lexize = dsimple_lexize)
  create schema made
  create schema made create table inside (id int)
  create schema if not exists public
  create extension if not exists citext
  create language made handler plpgsql_call_handler
  create access method made type index handler bthandler
  create event trigger made on ddl_command_start execute function made_event()
  create foreign data wrapper made
  create server made foreign data wrapper postgres_fdw
  create user mapping for clerk server afar
  import foreign schema public limit to (totals) from server afar into traps
  create publication made for table notes
  create publication made for all tables
  create transform for int language plpgsql (from sql with function made_transform(internal))
  alter table notes add column more int
  alter table notes add column more int default 5 not null
  alter table notes drop column body
  alter table notes rename to renamed
  alter table notes rename column body to text
  alter table notes alter column body set not null
  alter table notes alter column body type varchar(20)
  alter table notes add constraint made check (id > 0)
  alter table books drop constraint books_pence_check
  alter table notes set (fillfactor = 50)
  alter table carts set logged
  alter table notes set unlogged
  alter table notes owner to clerk
  alter table notes enable row level security
  alter table notes set schema traps
  alter table measurements detach partition measurements_early
  alter table notes cluster on notes_pkey
  alter table notes replica identity full
  alter table if exists nothing add column a int
  alter index notes_pkey rename to renamed
  alter sequence tickets restart with 5
  alter sequence tickets owned by notes.id
  alter view cheap_books set (security_barrier = true)
  alter materialized view sums rename to renamed
  alter function doubled(int) stable
  alter function doubled(int) rename to tripled
  alter function doubled(int) owner to clerk
  alter procedure looks(bigint) set work_mem = '5MB'
  alter aggregate read_sum(int) rename to renamed
  alter operator +& (int, int) owner to clerk
  alter operator +& (int, int) set (restrict = none)
  alter type mood add value 'bored'
  alter type mood rename value 'sad' to 'blue'
  alter type place add attribute street text
  alter domain read_int add check (value > 0)
  alter domain read_int drop not null
  alter policy plain_policy on plain_diaries using (true)
  alter schema traps rename to renamed
  alter extension dblink set schema traps
  alter extension dblink update
  alter foreign data wrapper postgres_fdw options (add use_remote_estimate 'true')
  alter server afar options (set fetch_size '50')
  alter user mapping for app server afar options (set user 'app')
  alter foreign table notes_afar options (set table_name 'totals')
  alter trigger watched_change on watched rename to renamed
  alter table watched disable trigger watched_change
  alter rule ruled_insert on ruled rename to renamed
  alter text search configuration simple owner to app
  alter default privileges grant select on tables to clerk
  alter large object 4242 owner to clerk
  alter language plpgsql rename to renamed
  alter statistics nothing set statistics 5
  alter collation "C" refresh version
  alter function doubled(int) depends on extension dblink
  drop table notes cascade
  drop table if exists nothing
  drop table if exists ruled cascade
  drop view cheapest_books
  drop materialized view sums
  drop sequence cached_tickets cascade
  drop index documents_words
  drop index concurrently documents_words
  drop function doubled(int)
  drop procedure looks
  drop aggregate read_sum(int)
  drop operator +& (int, int) cascade
  drop type mood cascade
  drop domain read_int cascade
  drop cast (place as date)
  drop trigger watched_change on watched
  drop rule ruled_insert on ruled
  drop policy plain_policy on plain_diaries
  drop schema traps cascade
  drop extension dblink
  drop server afar cascade
  drop user mapping for app server afar
  drop foreign table notes_afar
  drop owned by clerk
  reassign owned by clerk to app
  comment on table notes is 'notes'
  comment on column notes.body is 'the body'
  comment on function doubled(int) is 'twice'
  comment on schema public is null
  security label on table notes is 'x'
  grant select on notes to clerk
  grant select (id) on books to public
  grant all on all tables in schema public to clerk
  grant execute on function doubled(int) to clerk
  grant usage on schema traps to public
  revoke all on notes from clerk
  revoke execute on function doubled(int) from public
  vacuum
  vacuum notes
  vacuum full notes
  vacuum (analyze, verbose) books
  vacuum (freeze) notes
  analyze
  analyze notes
  analyze verbose books (pence)
  reindex table notes
  reindex index notes_pkey
  reindex table concurrently notes
  reindex schema traps
  cluster notes using notes_pkey
  cluster
  refresh materialized view sums
  refresh materialized view concurrently sums
  refresh materialized view sums with no data
  checkpoint
  lock table notes
  lock table notes in access share mode
  explain analyze create table made as select 1 as a
  explain analyze refresh materialized view sums
  explain (analyze) create materialized view made as select 1 as a
`);

interface Wide {
  readonly text: string;
  readonly undo: readonly string[];
}

/** What reaches beyond the database, with what undoes it. */
const beyond: readonly Wide[] = [
  { text: "create role made", undo: ["drop role if exists made"] },
  { text: "create user made password 'secret'", undo: ["drop role if exists made"] },
  { text: "create group made", undo: ["drop role if exists made"] },
  { text: "alter role clerk connection limit 50", undo: ["alter role clerk connection limit -1"] },
  { text: "alter role clerk set work_mem = '4MB'", undo: ["alter role clerk reset all"] },
  { text: "alter role all set work_mem = '4MB'", undo: ["alter role all reset all"] },
  { text: "alter user clerk with createdb", undo: ["alter role clerk nocreatedb"] },
  {
    text: "alter role clerk rename to writer_of_books",
    undo: ["alter role writer_of_books rename to clerk"],
  },
  { text: "grant pg_monitor to clerk", undo: ["revoke pg_monitor from clerk"] },
  { text: "revoke pg_monitor from clerk", undo: [] },
  { text: "drop role if exists nobody_at_all", undo: [] },
  { text: "create database made", undo: ["drop database if exists made"] },
  { text: "create database made template template0", undo: ["drop database if exists made"] },
  {
    text: "alter database postgres set work_mem = '4MB'",
    undo: ["alter database postgres reset all"],
  },
  {
    text: "alter database postgres connection limit 90",
    undo: ["alter database postgres connection limit -1"],
  },
  { text: "alter database postgres owner to app", undo: [] },
  { text: "drop database if exists nothing", undo: [] },
  { text: "comment on role clerk is 'writes'", undo: ["comment on role clerk is null"] },
  {
    text: "comment on database postgres is 'of postgres'",
    undo: ["comment on database postgres is null"],
  },
  { text: "alter system set work_mem = '4MB'", undo: ["alter system reset all"] },
  { text: "alter system reset work_mem", undo: [] },
  { text: "alter system reset all", undo: [] },
  { text: "drop tablespace if exists nothing", undo: [] },
  {
    text: "create subscription made connection 'dbname=nothing' publication p with (connect = false)",
    undo: [
      "alter subscription made disable",
      "alter subscription made set (slot_name = none)",
      "drop subscription made",
    ],
  },
];

/** DDL, rights and maintenance: every statement of the grammar that is neither query nor session. */
export function schemaChanges({ folder }: Surroundings): Statement[] {
  const spaces: Wide[] = [
    {
      text: `create tablespace made location '${folder}'`,
      undo: ["drop tablespace if exists made"],
    },
  ];
  return [
    ...inDatabase.map((text): Statement => ({ topic: "schema-changes", text })),
    ...[...beyond, ...spaces].map(
      ({ text, undo }): Statement => ({ topic: "schema-changes", text, undo }),
    ),
  ];
}
