import type { Random } from "../../consistency/random.ts";
import { some } from "../shapes.ts";
import type { Statement, Surroundings } from "../statement.ts";
import { lines } from "./lines.ts";
import { Queries } from "./queries.ts";

const changes = lines(`
  insert into notes values (20, 'x')
  insert into notes (id) values (21), (22) returning id
  insert into notes select id + 30, title from books
  insert into notes values (1, 'x') on conflict do nothing
  insert into notes values (1, 'x') on conflict (id) do update set body = excluded.body || notes.body
  insert into audit default values
  insert into customers (id, name) values (50, 'fifty') returning *
  insert into orders (customer_id) select id from customers
  insert into measurements values (1, '2026-05-01Z', 3)
  insert into totals (id, pence) values (9, 900)
  insert into ruled values (1, 'x')
  insert into ruled_view values (2, 'y')
  insert into watched values (3, 'three')
  insert into carts values (3, 3)
  insert into notes_afar values (40, 'afar')
  insert into cheap_books (id, title, pence) values (70, 'new', 1)
  update notes set body = 'x'
  update notes set body = upper(body) where id = 1 returning *
  update books set stock = stock - 1 where id in (select book_id from order_lines where order_id = 1)
  update books b set pence = pence + q.quantity from order_lines q where q.book_id = b.id
  update books set (pence, stock) = (select 5, 6) where id = 2
  update measurements set at = at + interval '30 days' where id = 2
  update watched set body = 'x'
  update customers set name = name where false
  update only parent_notes set body = 'x'
  update books set tags[1] = 'x', attrs['new'] = '1' where id = 1
  delete from notes
  delete from notes where id = 2 returning body
  delete from order_lines using books where books.id = book_id and stock = 0
  delete from customers where id = 99
  delete from ruled
  delete from notes where id = (select max(id) from notes)
  with gone as (delete from notes returning *) insert into audit (what) select body from gone
  with x as (select 60 as id) insert into notes select id, 'cte' from x returning id
  with recursive n(i) as (select 61 union all select i + 1 from n where i < 65) insert into notes select i from n
  with x as (select max(id) as id from notes) update notes set body = 'last' from x where x.id = notes.id
  truncate notes
  truncate table order_lines, audit restart identity
  truncate orders cascade
  copy notes from stdin
  copy notes (id) from stdin with (format csv)
  copy notes from program 'printf "80\\\\tx\\\\n"'
  copy audit (what) from '/dev/null'
  select lo_put(4242, 0, 'abc'); select 1
  /* comment */ insert into notes values (90, 'c')
  (with x as (insert into notes values (91) returning id) select id from x)
`);

const merges = lines(`
  merge into notes n using books b on n.id = b.id when matched then update set body = b.title when not matched then insert values (b.id, b.title)
  merge into notes n using books b on n.id = b.id when matched then delete
  merge into notes n using (values (100)) v(id) on n.id = v.id when not matched then insert values (v.id, 'm')
  merge into notes n using books b on n.id = b.id when matched and b.pence > 100000 then delete
  with x as (select 101 as id) merge into notes n using x on n.id = x.id when not matched then insert (id) values (x.id)
`);

/** Rows that come and go: INSERT, UPDATE, DELETE, MERGE, TRUNCATE and COPY FROM. */
export function dataChanges(random: Random, { major }: Surroundings): Statement[] {
  const queries = new Queries(random);
  const made = Array.from({ length: 110 }, (_, i) => {
    const id = 200 + i;
    return random.pick([
      `insert into audit (what) select 'row' from (${queries.query(1)}) q`,
      `insert into notes values (${id}, 'made ${i}')${random.pick(["", " returning *", " on conflict do nothing"])}`,
      `update books set stock = ${i} where id in (1, 2) and exists (${queries.query(1)})`,
      `update notes set body = body || '${i}' where id = ${random.between(1, 5)}${random.pick(["", " returning body"])}`,
      `delete from ${random.pick(["notes", "audit", "order_lines", "measurements", "totals", "sums_of_nothing"])}${random.pick(["", " where true", " returning *"])}`,
    ]);
  });
  const texts = [...changes, ...(major >= 15 ? merges : []), ...made];
  return texts.map((text) => ({ topic: "data-changes", text }));
}

const locks = [
  "for update",
  "for no key update",
  "for share",
  "for key share",
  "for update nowait",
  "for update skip locked",
  "for update of n",
  "for share of n skip locked",
];

const lockingShapes: readonly ((lock: string) => string)[] = [
  (l) => `select * from notes n ${l}`,
  (l) => `select * from notes n where id = 1 ${l}`,
  (l) => `select * from notes n order by id limit 1 ${l}`,
  (l) => `select * from (select * from notes n ${l}) x`,
  (l) => `with x as (select * from notes n ${l}) select * from x`,
  (l) => `select exists (select 1 from notes n where id = 1 ${l})`,
  (l) => `select id from books where id in (select n.id from notes n ${l})`,
  (l) => `select n.id from notes n join books b on b.id = n.id where n.id = 2 ${l}`,
  (l) => `copy (select * from notes n ${l}) to stdout`,
  (l) =>
    `explain (analyze, costs off, timing off, summary off, buffers off) select * from notes n ${l}`,
  (l) => `select * from books b, lateral (select * from notes n where n.id = b.id ${l}) x`,
  (l) => `(select * from notes n ${l})`,
];

const writingCtes = lines(`
  with x as (insert into notes values (120) returning id) select * from x
  with x as (delete from notes where id = 1 returning *) select body from x
  with x as (update notes set body = 'x' returning id) select count(*) from x
  with a as (select 1), x as (delete from notes) select * from a
  with x as (insert into audit (what) values ('cte') returning *) select 1 from books where false
  with a as (select 1 as one), b as (insert into notes select 121 returning *) select * from a, b
  copy (with x as (delete from notes returning *) select * from x) to stdout
  copy (insert into notes values (122, 'c') returning id) to stdout
  copy (update notes set body = 'c' returning *) to stdout
  copy (delete from notes returning id) to stdout with (format csv)
  explain analyze insert into notes values (123, 'e')
  explain (analyze, costs off) update notes set body = 'e' where id = 1
  explain (analyze on) delete from notes where id = 1
  explain (analyze) with x as (delete from notes returning *) select * from x
  explain analyze select * from notes for update
  explain analyze create table explained as select 1 as a
  explain analyze execute kept_write
  select * into into_table from notes
  select 1 as a into into_table
  select * into unlogged into_table from notes
  select id into temporary into_table from notes
  select 1 as a into into_table union select 2
  create table as_table as select * from notes
  create temporary table as_table as select 1 as a
  prepare new_read as select 1
  prepare new_write as insert into notes values ($1)
  prepare new_read (int) as select * from notes where id = $1
  execute kept_read
  execute kept_write
  execute kept_argument(1)
  explain execute kept_read
  explain (costs off) execute kept_write
  explain (analyze, costs off, timing off, summary off, buffers off) execute kept_read
  create table from_execute as execute kept_read
  deallocate kept_read
  deallocate all
  deallocate prepare kept_write
  fetch all from kept_cursor
  fetch 1 from kept_cursor
  move 1 from kept_cursor
  close kept_cursor
  close all
  declare new_cursor cursor with hold for select * from notes
  declare new_cursor scroll cursor with hold for select nextval('tickets')
  select 1; insert into notes values (124, 'second')
  select 1; select 2; delete from notes where id = 1
  select count(*) from notes; update notes set body = 'x' where id = 1
  set work_mem = '6MB'; select 1
  select 1; select nextval('tickets')
  select 1; select pg_advisory_lock(1)
  begin; insert into notes values (125, 't'); commit
  begin; select * from notes; commit
  begin; insert into notes values (126, 't'); rollback
  begin read only; select count(*) from notes; commit
  begin; declare c cursor for select id from notes; fetch 2 from c; commit
  start transaction isolation level serializable; select 1; commit
  begin isolation level repeatable read, read only; select 1; commit
  begin; set local work_mem = '6MB'; select 1; commit
  begin; set transaction read only; select 1; commit
  select 1; begin; select 2; commit
  begin; savepoint a; select 1; rollback to a; release a; commit
  begin; lock table notes in access share mode; commit
  begin; lock table notes; commit
  begin; lock table notes in share mode; select 1; commit
  select 1; select 2
  select 1; show work_mem
  ; ; select 1
  select 1;
`);

/** Row locks, writing CTEs, INTO, PREPARE and EXECUTE, files of the server, several statements. */
export function syntax(random: Random, { folder }: Surroundings): Statement[] {
  const files = [
    "copy notes to '@/notes'",
    "copy (select 1) to '@/one'",
    "copy notes (id) to '@/ids' with (format csv)",
    "copy notes to program 'cat > @/by_program'",
    "copy (select * from books) to program 'cat > @/books'",
    "copy books to '@/books' (format binary)",
  ];
  const texts = [
    ...locks.flatMap((lock) => some(lockingShapes, 6, random).map((shape) => shape(lock))),
    ...writingCtes,
    ...files.map((text) => text.replace("@", folder)),
  ];
  return texts.map((text) => ({ topic: "syntax", text }));
}
