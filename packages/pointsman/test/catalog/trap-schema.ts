/**
 * A database full of functions, views, operators, casts, policies and types that do more than their
 * names say, or less.
 */
export const trapSchema = `
create table books (id int primary key, title text, stock int);
create table audit (id serial primary key, what text);
insert into books values (1, 'Dune', 3), (2, 'Emma', 5);
create sequence tickets;

-- Functions in SQL, their bodies texts
create function total() returns bigint language sql as 'select sum(stock) from books';
create function noted(what text) returns int language sql as 'insert into public.audit (what) values ($1) returning id';
create function ticket() returns bigint language sql stable as $$ select nextval('tickets') $$;
create function locked() returns int language sql as 'select id from books where id = 1 for update';
create function nested_read() returns bigint language sql as 'select total() + 1';
create function nested_write() returns int language sql as $$ select noted('nested') $$;
create function nested_deep() returns int language sql as 'select nested_write() + 1';
set check_function_bodies = off;
create function even(n int) returns boolean language sql as 'select case when $1 <= 0 then $1 = 0 else odd($1 - 1) end';
create function odd(n int) returns boolean language sql as 'select case when $1 <= 0 then false else even($1 - 1) end';
set check_function_bodies = on;

-- Their bodies trees
create function total_atomic() returns bigint language sql begin atomic select sum(stock) from books; end;
create function noted_atomic() returns int language sql begin atomic insert into audit (what) values ('x') returning id; end;
create function ticket_atomic() returns bigint language sql begin atomic select nextval('tickets'); end;
create function nested_atomic() returns bigint language sql begin atomic select total() + total_atomic(); end;
create function nested_atomic_write() returns int language sql begin atomic select noted('x'); end;

-- PL/pgSQL
create function looped(n int) returns int language plpgsql as $$
declare total int := 0; book record;
begin
  for book in select * from books where stock > n loop total := total + book.stock; end loop;
  if total > 1000 then raise notice 'many'; end if;
  return total;
end $$;
create function raised() returns int language plpgsql as $$ begin raise notice 'hello'; return 1; end $$;
create function plnoted() returns int language plpgsql as $$ begin insert into audit (what) values ('p'); return 1; end $$;
create function branch_write(n int) returns int language plpgsql as $$ begin if n > 1000 then delete from books where id = n; end if; return n; end $$;
create function dynamic(t text) returns bigint language plpgsql as $$ declare n bigint; begin execute 'select count(*) from ' || t into n; return n; end $$;
create function dynamic_rows(t text) returns setof int language plpgsql as $$ begin return query execute 'select id from ' || t; end $$;
create function helper_lock(k int) returns void language plpgsql as $$ begin perform pg_advisory_xact_lock(k); end $$;
create function helper_setting() returns text language plpgsql as $$ begin return set_config('app.user', 'x', false); end $$;
create function assigned(n int) returns int language plpgsql as $$ declare a int[] := '{1,2}'; begin a[n] := total(); return a[n]; end $$;
create function assigned_write(n int) returns int language plpgsql as $$ declare a int[] := '{1,2}'; begin a[noted('i')] := n; return n; end $$;
create function caught() returns int language plpgsql as $$ begin return (select count(*) from books); exception when others then return -1; end $$;
create function polymorphic(a anyelement) returns anyelement language plpgsql as $$ begin return a; end $$;
create function with_setting() returns bigint language sql set search_path = public as 'select total()';
create function with_odd_setting() returns bigint language sql set synchronous_commit = off as 'select total()';
create function definer() returns bigint language sql security definer as 'select total()';
create function default_writes(n bigint default nextval('tickets')) returns bigint language sql as 'select $1';

-- One name, several functions
create function price(n int) returns int language sql as 'select $1 * 2';
create function price(t text) returns int language sql as 'select noted($1)';
create function by_count(n int) returns int language sql as 'select $1 * 2';
create function by_count(n int, t text) returns int language sql as 'select noted($2)';
create function by_count(a text, b text, c text, variadic rest text[]) returns int language sql as 'select noted($1)';
create function calls_by_count() returns int language plpgsql as $$ begin return by_count(3); end $$;
create function noted_as_stable(what text) returns int stable language plpgsql as $$ begin return noted(what); end $$;
create schema other;
create function twice() returns int language sql as 'select 2';
create function other.twice() returns int language sql as $$ select public.noted('other') $$;
create view other.ledger as select public.noted('other') as id;
create function lower(n int) returns int language sql as $$ select noted('lower') $$;

-- Aggregates
create function add_up(a bigint, b int) returns bigint language sql immutable as 'select coalesce($1, 0) + $2';
create aggregate sum_up(int) (sfunc = add_up, stype = bigint, initcond = '0');
create function add_noted(a bigint, b int) returns bigint language plpgsql as $$ begin perform noted('a'); return a + b; end $$;
create aggregate sum_noted(int) (sfunc = add_noted, stype = bigint, initcond = '0');

-- Views
create view titles as select title from books;
create view totals as select total() as t;
create view next_ticket as select nextval('tickets') as n;
create view over_ticket as select n + 1 as m from next_ticket;
create view noting as select noted('view') as n;
create view over_function as select nested_deep() as n;
create view locking as select * from books for update;
create view activity as select pid, state from pg_stat_activity;
create view the_lock as select pg_try_advisory_lock(7) as got;
create materialized view stored as select noted('mat') as n;

-- Operators, casts, types
create function differs(a int, b text) returns boolean language plpgsql as $$ begin perform noted(b); return a <> length(b); end $$;
create operator <~> (leftarg = int, rightarg = text, function = differs);
create function same_length(a int, b text) returns boolean language sql immutable as 'select $1 = length($2)';
create operator <=~> (leftarg = int, rightarg = text, function = same_length);
create view by_operator as select id from books where id <~> title;
create type money_like as (amount int);
create function to_money(n int) returns money_like language plpgsql as $$ begin perform noted('cast'); return row(n)::money_like; end $$;
create cast (int as money_like) with function to_money(int);
-- What happens where nobody spells it, with values of certain types
create type code as (part int);
create function same_code(a code, b code) returns boolean language plpgsql as $$ begin perform noted('='); return a.part = b.part; end $$;
create operator = (leftarg = code, rightarg = code, function = same_code);
create table coded (id int, c code, other code);
insert into coded values (1, row(1), row(1));
create view codes as select c as shown from coded;
create type label as (word text);
create function label_text(l label) returns text language plpgsql as $$ begin perform noted('label'); return l.word; end $$;
create cast (label as text) with function label_text(label) as implicit;
create table labelled (id int, l label);
insert into labelled values (1, row('a'));
create function made_label() returns label language sql as $$ select row('made')::public.label $$;
create function label_length() returns int language plpgsql as $$ declare l labelled.l%type; begin select x.l into l from (select made_label() as l) x; return pg_catalog.length(l); end $$;
create type mark as (n int);
create function from_mark(m mark) returns int language plpgsql as $$ begin perform noted('mark'); return m.n; end $$;
create cast (mark as int) with function from_mark(mark);
create table marked (id int, m mark);
insert into marked values (1, row(2));
create type rank as (n int);
create function rank_compares(a rank, b rank) returns int language plpgsql as $$ begin perform noted('rank'); return a.n - b.n; end $$;
create function rank_less(a rank, b rank) returns boolean language sql as 'select $1.n < $2.n';
create function rank_less_same(a rank, b rank) returns boolean language sql as 'select $1.n <= $2.n';
create function rank_same(a rank, b rank) returns boolean language sql as 'select $1.n = $2.n';
create function rank_more_same(a rank, b rank) returns boolean language sql as 'select $1.n >= $2.n';
create function rank_more(a rank, b rank) returns boolean language sql as 'select $1.n > $2.n';
create operator <# (leftarg = rank, rightarg = rank, function = rank_less);
create operator <=# (leftarg = rank, rightarg = rank, function = rank_less_same);
create operator =# (leftarg = rank, rightarg = rank, function = rank_same);
create operator >=# (leftarg = rank, rightarg = rank, function = rank_more_same);
create operator ># (leftarg = rank, rightarg = rank, function = rank_more);
create operator class rank_order default for type rank using btree as operator 1 <#, operator 2 <=#, operator 3 =#, operator 4 >=#, operator 5 >#, function 1 rank_compares(rank, rank);
create table ranked (id int, r rank);
insert into ranked values (1, row(2)), (2, row(1));
create type spectrum as range (subtype = rank);
create table spectra (id int, s spectrum);

create function is_isbn(t text) returns boolean language plpgsql as $$ begin perform noted('check'); return length(t) > 3; end $$;
create domain isbn as text check (is_isbn(value));
create function is_long(t text) returns boolean language sql immutable as 'select length($1) > 3';
create domain long_text as text check (is_long(value));
create function shout(b books) returns text language plpgsql as $$ begin perform noted(b.title); return upper(b.title); end $$;
create function whisper(b books) returns text language sql stable as 'select pg_catalog.lower($1.title)';

-- Tables that are more than rows
create unlogged table caches (k text);
create table events (id int, at date) partition by range (at);
create table events_old partition of events for values from ('2020-01-01') to ('2021-01-01');
create unlogged table events_new partition of events for values from ('2021-01-01') to ('2022-01-01');
create view over_caches as select * from caches;
create table secrets (id int, owner text);
insert into secrets values (1, 'app');
alter table secrets enable row level security;
create function may_see(owner text) returns boolean language plpgsql as $$ begin perform noted(owner); return true; end $$;
create policy seen on secrets for select using (may_see(owner));
create table tenants (id int, owner text);
alter table tenants enable row level security;
create policy own on tenants using (owner = current_user);
create function ruled() returns void language sql as 'select 1';
create table ruled_table (id int);
create rule no_delete as on delete to ruled_table do instead nothing;

-- What leads out of the server
create extension dblink;
create function deleted_afar() returns text language plpgsql as $$ begin return dblink_exec('afar', 'delete from audit'); end $$;
create extension file_fdw;
create server files foreign data wrapper file_fdw;
create foreign table lines (line text) server files options (filename 'PG_VERSION', format 'text');
create view over_lines as select upper(line) as line from lines;

create procedure tidy() language sql as 'delete from audit where false';
create function trigger_only() returns trigger language plpgsql as $$ begin insert into audit (what) values ('t'); return new; end $$;
create trigger on_books after insert on books for each row execute function trigger_only();
create role plain;
grant usage on schema other to plain;
grant select, insert, update, delete on all tables in schema public, other to plain;
grant usage, select on all sequences in schema public to plain;
create function called_procedure() returns int language plpgsql as $$ begin call tidy(); return 1; end $$;
`;

/**
 * What a reader does with a text: refuses what the writer accepts, or runs it, with the same answer or
 * with one that is wrong or an effect that means nothing there.
 */
export type OnReader = "refuses" | "same" | "wrong";

/** A statement that is not what it looks like. */
export interface Trap {
  readonly text: string;
  /** Why it goes where it goes. */
  readonly reason: string;
  readonly onReader: OnReader;
}

/** Statements on that schema, where they belong, and what a reader really does with them. */
export const traps: readonly Trap[] = [
  { text: "select total()", reason: "plain-read", onReader: "same" },
  { text: "select noted('x')", reason: "writing-function", onReader: "refuses" },
  { text: "select ticket()", reason: "writing-function", onReader: "refuses" },
  { text: "select locked()", reason: "writing-function", onReader: "refuses" },
  { text: "select nested_read()", reason: "plain-read", onReader: "same" },
  { text: "select nested_write()", reason: "writing-function", onReader: "refuses" },
  { text: "select nested_deep()", reason: "writing-function", onReader: "refuses" },
  { text: "select even(4)", reason: "plain-read", onReader: "same" },
  { text: "select total_atomic()", reason: "plain-read", onReader: "same" },
  { text: "select noted_atomic()", reason: "writing-function", onReader: "refuses" },
  { text: "select ticket_atomic()", reason: "writing-function", onReader: "refuses" },
  { text: "select nested_atomic()", reason: "plain-read", onReader: "same" },
  { text: "select nested_atomic_write()", reason: "writing-function", onReader: "refuses" },
  { text: "select looped(1)", reason: "plain-read", onReader: "same" },
  { text: "select raised()", reason: "plain-read", onReader: "same" },
  { text: "select plnoted()", reason: "writing-function", onReader: "refuses" },
  { text: "select branch_write(1001)", reason: "writing-function", onReader: "refuses" },
  { text: "select dynamic('books')", reason: "unknown-function", onReader: "same" },
  { text: "select * from dynamic_rows('books')", reason: "unknown-function", onReader: "same" },
  { text: "select helper_lock(1)", reason: "server-bound", onReader: "wrong" },
  { text: "select helper_setting()", reason: "server-bound", onReader: "wrong" },
  { text: "select assigned(1)", reason: "plain-read", onReader: "same" },
  { text: "select assigned_write(1)", reason: "writing-function", onReader: "refuses" },
  { text: "select caught()", reason: "plain-read", onReader: "same" },
  { text: "select polymorphic(1)", reason: "plain-read", onReader: "same" },
  { text: "select with_setting()", reason: "plain-read", onReader: "same" },
  { text: "select with_odd_setting()", reason: "unknown-function", onReader: "same" },
  { text: "select definer()", reason: "plain-read", onReader: "same" },
  { text: "select default_writes()", reason: "writing-function", onReader: "refuses" },
  { text: "select price(2)", reason: "writing-function", onReader: "same" },
  { text: "select price('x'::text)", reason: "writing-function", onReader: "refuses" },
  { text: "select public.twice()", reason: "plain-read", onReader: "same" },
  { text: "select twice()", reason: "writing-function", onReader: "same" },
  { text: "select other.twice()", reason: "writing-function", onReader: "refuses" },
  { text: "select lower('X')", reason: "writing-function", onReader: "same" },
  { text: "select pg_catalog.lower('X')", reason: "plain-read", onReader: "same" },
  { text: "select sum_up(stock) from public.books", reason: "plain-read", onReader: "same" },
  {
    text: "select sum_noted(stock) from public.books",
    reason: "writing-function",
    onReader: "refuses",
  },
  {
    text: "select stock, sum_up(stock) over () from public.books",
    reason: "plain-read",
    onReader: "same",
  },
  { text: "select * from titles", reason: "plain-read", onReader: "same" },
  { text: "select * from totals", reason: "plain-read", onReader: "same" },
  { text: "select * from next_ticket", reason: "writing-object", onReader: "refuses" },
  { text: "select * from over_ticket", reason: "writing-object", onReader: "refuses" },
  { text: "select * from noting", reason: "writing-object", onReader: "refuses" },
  { text: "select * from over_function", reason: "writing-object", onReader: "refuses" },
  { text: "select * from locking", reason: "writing-object", onReader: "refuses" },
  { text: "select * from activity", reason: "server-bound", onReader: "wrong" },
  { text: "select * from the_lock", reason: "server-bound", onReader: "wrong" },
  { text: "select * from stored", reason: "plain-read", onReader: "same" },
  { text: "select * from public.books", reason: "plain-read", onReader: "same" },
  { text: "select 1 from other.ledger", reason: "writing-object", onReader: "refuses" },
  { text: "select id <~> title from public.books", reason: "writing-object", onReader: "refuses" },
  { text: "select id <=~> title from public.books", reason: "plain-read", onReader: "same" },
  { text: "select * from by_operator", reason: "writing-object", onReader: "refuses" },
  { text: "select 3::money_like", reason: "writing-object", onReader: "refuses" },
  { text: "select id from coded where c = other", reason: "writing-object", onReader: "refuses" },
  {
    text: "select shown from codes where shown in (row(1)::code)",
    reason: "writing-object",
    onReader: "refuses",
  },
  { text: "select id from public.books where id = 1", reason: "plain-read", onReader: "same" },
  {
    text: "select distinct id from public.books where title like 'D%'",
    reason: "plain-read",
    onReader: "same",
  },
  {
    text: "select pg_catalog.length(l) from labelled",
    reason: "writing-object",
    onReader: "refuses",
  },
  {
    text: "select pg_catalog.length(made_label())",
    reason: "writing-function",
    onReader: "refuses",
  },
  { text: "select label_length()", reason: "writing-function", onReader: "refuses" },
  { text: "select m::int from marked", reason: "writing-object", onReader: "refuses" },
  { text: "select id::int, '2'::int from public.books", reason: "plain-read", onReader: "same" },
  { text: "select id from ranked order by r", reason: "writing-object", onReader: "refuses" },
  { text: "select * from spectra where s = 'empty'", reason: "writing-object", onReader: "same" },
  { text: "select cast('978-3' as isbn)", reason: "writing-object", onReader: "refuses" },
  { text: "select cast('978-3' as long_text)", reason: "plain-read", onReader: "same" },
  { text: "select b.shout from public.books b", reason: "writing-object", onReader: "refuses" },
  { text: "select b.whisper from public.books b", reason: "plain-read", onReader: "same" },
  { text: "select shout(b) from public.books b", reason: "writing-function", onReader: "refuses" },
  { text: "select * from caches", reason: "unlogged-table", onReader: "refuses" },
  { text: "select * from over_caches", reason: "unlogged-table", onReader: "refuses" },
  { text: "select * from events", reason: "unlogged-table", onReader: "refuses" },
  { text: "select * from events_old", reason: "plain-read", onReader: "same" },
  { text: "select * from secrets", reason: "writing-object", onReader: "refuses" },
  { text: "select * from tenants", reason: "plain-read", onReader: "same" },
  { text: "select last_value from tickets", reason: "server-bound", onReader: "wrong" },
  { text: "select * from ruled_table", reason: "plain-read", onReader: "same" },
  { text: "select dblink_get_connections()", reason: "unknown-function", onReader: "same" },
  { text: "select deleted_afar()", reason: "unknown-function", onReader: "wrong" },
  { text: "select * from lines", reason: "foreign-table", onReader: "same" },
  { text: "select * from over_lines", reason: "foreign-table", onReader: "same" },
  { text: "select called_procedure()", reason: "unknown-function", onReader: "refuses" },
  { text: "explain select noted('x')", reason: "plain-read", onReader: "same" },
  { text: "explain select noted_as_stable('x')", reason: "writing-function", onReader: "same" },
  {
    text: "explain select * from public.books where id = noted_as_stable('x')",
    reason: "writing-function",
    onReader: "refuses",
  },
  { text: "explain select * from noting", reason: "plain-read", onReader: "same" },
  { text: "explain select * from over_caches", reason: "unlogged-table", onReader: "refuses" },
  { text: "explain analyze select noted('x')", reason: "writing-function", onReader: "refuses" },
  { text: "select (5).lower", reason: "writing-object", onReader: "refuses" },
  { text: "select by_count(1)", reason: "plain-read", onReader: "same" },
  { text: "select by_count(1, 'x')", reason: "writing-function", onReader: "refuses" },
  { text: "select by_count('a', 'b', 'c', 'd')", reason: "writing-function", onReader: "refuses" },
  { text: "select calls_by_count()", reason: "plain-read", onReader: "same" },
  { text: "copy (select total()) to stdout", reason: "plain-read", onReader: "same" },
  { text: "copy (select noted('x')) to stdout", reason: "writing-function", onReader: "refuses" },
];
