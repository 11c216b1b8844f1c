import type { Random } from "../../consistency/random.ts";
import { around, rowsOf } from "../shapes.ts";
import type { Statement, Topic } from "../statement.ts";
import { lines } from "./lines.ts";

const writing = lines(`
  log_sql('a')
  log_plpgsql('a')
  log_standard('a')
  log_stable('a')
  log_immutable('a')
  log_nested('a')
  log_dynamic('a')
  log_definer('a')
  public.log_sql('a')
  log_sometimes(2)
  log_any(5)
  log_any('x'::text)
  log_variadic('a', 'b')
  log_variadic(variadic array['a', 'b'])
  log_default()
  log_default(line => 'named')
  merged_totals()
  emptied()
  next_ticket()
  set_ticket(9)
  tell('a')
  locked_note(1)
  (locked_note(2)).body
  locked_table()
  made_table()
  writing_cte()
  writing_loop()
  reads_sequence()
  count_carts()
  unless_recovering()
  on_which_server()
  amount('a'::text)
  reads_view()
`);

const lockingOrSetting = lines(`
  lock_key(1)
  lock_key_sql(2)
  try_key(3)
  try_key_standard(1)
  lock_stable(4)
  lock_nested(5)
  lock_dynamic(6)
  lock_and_unlock(7)
  lock_unless_there(8)
  unlock_key(77)
  set_tenant('a')
  set_tenant_plpgsql('a')
  set_path()
  set_memory()
  set_stable()
  reset_memory()
  set_role()
  seeded()
  prepares()
`);

const reading = lines(`
  total_for(1)
  total_for(wanted => 1)
  public.total_for(2)
  total_standard(1)
  total_plpgsql(1)
  total_nested(3)
  doubled(21)
  fibonacci(20)
  checked(3)
  caught(0)
  cursor_sum()
  first_of(array[1, 2])
  first_of(array['a'::text])
  city_of((select c from customers c where id = 1))
  place_of(1)
  (place_of(2)).city
  price_json(1)
  price_json(2) ->> 'title'
  depth(5)
  dice()
  dynamic_count('books')
  joined('a', 'b')
  with_setting(1)
  by_definer(1)
  amount(1)
  amount(1, 2)
  reads_reading_view()
  doubled(doubled(1)) + total_for(1)
  plus_reading(1, 2)
  place_to_date(row('a', 'b')::place)
  checks_reading(1)
  sum_reading(1, 2)
  may_look(1)
  stock_level(3)
  stock_level(999)
  (best_customer()).name
  each_squared(array[1, 2, 3])
  slug('The Left Hand of Darkness')
  is_known(5)
  order_json(4)
  age_in_days(2)
  (select max(pence) from revenue('2026-01-01'))
`);

const writingRows = ["moved_notes()"];
const readingRows = lines(`
  titles(400)
  books_below(300)
  books_query(300)
  search()
  search('word1')
  revenue('2026-01-01')
  ranked_books()
  descending(4)
`);

/** Calls of functions of the user: those that write, lock or set, and those that only read. */
export function userFunctions(random: Random): Statement[] {
  const of = (topic: Topic, texts: readonly string[]): Statement[] =>
    texts.map((text) => ({ topic, text }));
  return [
    ...of(
      "user-functions",
      [...writing, ...lockingOrSetting].flatMap((call) => around(call, 4, random)),
    ),
    ...of(
      "user-functions",
      writingRows.flatMap((call) => rowsOf(call, 8, random)),
    ),
    ...of(
      "reading-functions",
      reading.flatMap((call) => around(call, 5, random)),
    ),
    ...of(
      "reading-functions",
      readingRows.flatMap((call) => rowsOf(call, 6, random)),
    ),
    ...of(
      "user-functions",
      [...writing, ...lockingOrSetting].map((call) => `explain select ${call}`),
    ),
    ...of("user-functions", procedures),
  ];
}

const procedures = lines(`
  call logs('a')
  call public.logs('b')
  call logs_and_commits('a')
  call logs_sql('a')
  call looks(null)
  do $$ begin perform log_plpgsql('a'); end $$
  do $$ begin insert into audit (what) values ('a'); end $$
  do $$ begin perform pg_advisory_lock(1); end $$
  do language plpgsql $$ begin perform set_config('corpus.setting', 'done', false); end $$
  do $$ begin perform count(*) from books; end $$
  do $$ begin update notes set body = 'x'; commit; end $$
  do $$ begin execute 'create table made_by_do (id int)'; end $$
`);
