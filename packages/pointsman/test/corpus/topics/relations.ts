import type { Random } from "../../consistency/random.ts";
import { some } from "../shapes.ts";
import type { Statement, Topic } from "../statement.ts";
import { lines } from "./lines.ts";

/** Unlogged tables, what hides them, sequences, foreign tables, what only one server has. */
const relations = lines(`
  carts
  public.carts
  "Baskets"
  open_carts
  carts_of_leeds
  sightings
  sightings_south
  parent_notes
  child_notes
  tickets
  cached_tickets
  sequence_state
  pg_sequences
  of_sequences
  pg_prepared_xacts
  pg_prepared_statements
  pg_cursors
  pg_locks
  of_locks
  notes_afar
  carts_afar
  books_from_file
`);

/** Of the same form, and as good on a reader. */
const readable = lines(`
  sightings_north
  only parent_notes
  only sightings
  sums
  traps.books
`);

const bound = lines(`
  pg_stat_activity
  pg_stat_database
  pg_stat_replication
  pg_stat_wal_receiver
  pg_stat_bgwriter
  pg_stat_archiver
  pg_stat_wal
  pg_stat_ssl
  pg_stat_slru
  pg_stat_user_tables
  pg_stat_user_indexes
  pg_statio_user_tables
  pg_stat_user_functions
  pg_stat_xact_user_tables
  pg_settings
  pg_file_settings
  pg_hba_file_rules
  pg_replication_slots
  pg_shmem_allocations
  pg_backend_memory_contexts
  pg_stat_progress_vacuum
  pg_stat_statements
`);

/** What is in the relation shows in what each of them answers, but for the plans. */
const shapes: readonly ((relation: string) => string)[] = [
  (r) => `select * from ${r}`,
  (r) => `select count(*), min(t::text), max(t::text) from ${r} as t`,
  (r) => `select t::text as line from ${r} as t order by 1 limit 3`,
  (r) => `with x as (select * from ${r}) select string_agg(x::text, '|' order by x::text) from x`,
  (r) => `select notes.id, t::text as other from notes, ${r} as t order by 1, 2 limit 1`,
  (r) => `select id, (select max(t::text) from ${r} as t) as other from notes`,
  (r) => `copy (select * from ${r}) to stdout`,
  (r) => `select t from ${r} as t`,
  (r) => `select '' as a union all select max(t::text) from ${r} as t`,
  (r) => `explain (costs off) select * from ${r}`,
];

const others = lines(`
  table carts
  table tickets
  select last_value from tickets
  select t.last_value, t.is_called from tickets t
  select c.name from customers c where c.id in (select customer_id from carts)
  select * from carts c join customers on customers.id = c.customer_id
  copy carts to stdout
  copy "Baskets" to stdout
  select * from sightings where region = 'south'
  select count_carts()
  select * from ruled_view
  select last_value from pg_sequences where sequencename = 'tickets'
  select * from pg_temp.nothing
  select * from diaries join carts using (id)
`);

/** Reads of relations that a reader has not got, or not as the writer has them. */
export function relationReads(random: Random): Statement[] {
  const of = (topic: Topic, names: readonly string[], count: number): Statement[] =>
    names.flatMap((name) =>
      some(shapes, count, random).map((shape) => ({ topic, text: shape(name) })),
    );
  return [
    ...of("relations", relations, 8),
    ...of("relations", readable, 4),
    ...others.map((text): Statement => ({ topic: "relations", text })),
    ...of("this-server", bound, 5),
  ];
}
