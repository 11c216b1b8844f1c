import type { Random } from "../../consistency/random.ts";
import { around, some } from "../shapes.ts";
import type { Statement } from "../statement.ts";
import { lines } from "./lines.ts";

/** Expressions of operators, casts, domains and aggregates that do more than their text tells. */
const expressions = lines(`
  1 +! 2
  1 operator(public.+!) 2
  1 +? 2
  1 +& 2
  1 =~~ 'a'::text
  -? 1
  'sad'::mood < 'x'::text
  'York'::text::place
  cast('York'::text as place)
  (row('a', 'b')::place)::int
  (row('a', 'b')::place)::date
  1::logged_int
  cast(1 as logged_int)
  1::locked_int
  1::read_int
  logged_int '5'
  array[1, 2]::logged_int[]
  array[1, 2]::locked_int[]
  (select logged_sum(id) from notes)
  (select locked_sum(id) from notes)
  (select finally_logged_sum(id) from notes)
  (select read_sum(id) from notes)
  (select sum(id +! 1) from notes where id < 3)
  (select max(n.id) from notes n where n.id =~~ n.body)
  (select logged_name from customers where id = 1 and false)
  (select c.logged_name from customers c where id = 1)
  (select c.read_name from customers c where id = 1)
  (select (c).logged_name from customers c where id = 2)
  lower(5)
  initcap(6)
  abs('abc'::text)
  (5).lower
  (select id.lower from notes id limit 0)
  (select max(ticket) from next_ticket_nested)
  (select count(*) from locked_books)
  (select count(*) from reading_books)
  (select total from reading_deep)
  json_populate_record(null::notes, '{"id": 1}')
  (select x from jsonb_to_record('{"x": 5}') as r(x logged_int))
  (select x from json_to_record('{"x": 5}') as r(x locked_int))
  jsonb_populate_record(null::books, '{"id": 1}')
`);

const views = lines(`
  next_ticket_view
  next_ticket_nested
  logged_books
  logged_deep
  locked_books
  locking_rows
  operator_books
  cast_books
  domain_books
  aggregate_books
  recovering
  set_by_view
  reading_books
  reading_deep
  operator_read
  view_over_function
  public.logged_books
`);

const ofViews: readonly ((view: string) => string)[] = [
  (v) => `select * from ${v}`,
  (v) => `table ${v}`,
  (v) => `select count(*) from ${v}`,
  (v) => `select exists (select from ${v})`,
  (v) => `with x as (select * from ${v}) select * from x`,
  (v) => `select v.* from ${v} v join notes on true where notes.id = 1`,
  (v) => `copy (select * from ${v}) to stdout`,
  (v) => `explain (analyze, costs off, timing off, summary off, buffers off) select * from ${v}`,
  (v) => `explain (costs off) select * from ${v}`,
  (v) => `select * from ${v} limit 1`,
];

/** What row-level security does to a clerk. */
const asClerk = lines(`
  select * from diaries
  table diaries
  select count(*) from diaries where id < 3
  select * from diary_titles
  select body from diaries join notes using (id)
  copy (select * from diaries) to stdout
  copy diaries to stdout
  with x as (select * from diaries) select * from x
  select exists (select from diaries where id = 1)
  explain (costs off) select * from diaries
  select * from locked_diaries
  select id from locked_diaries where body like 'day%'
  select (select max(id) from locked_diaries)
  copy locked_diaries to stdout
  with x as (select * from locked_diaries) select count(*) from x
  select * from read_diaries
  select count(*) from read_diaries
  copy read_diaries to stdout
  select * from plain_diaries
  select count(*) from plain_diaries
  select * from diaries limit 1
  select 1 from diaries union all select 2 from notes
`);

/** Statements that write, lock or only read by what they do not name. */
export function hiddenWrites(random: Random): Statement[] {
  const topic = "hidden-writes";
  return [
    ...expressions.flatMap((one) => around(one, 4, random)),
    ...views.flatMap((view) => some(ofViews, 7, random).map((shape) => shape(view))),
  ]
    .map((text): Statement => ({ topic, text }))
    .concat(asClerk.map((text) => ({ topic, text, as: "clerk" })))
    .concat(asClerk.slice(0, 8).map((text) => ({ topic, text })));
}
