import type { Random } from "../consistency/random.ts";

/** Statements around one expression of any type, `void` included: the places that a call can hide in. */
const shapes: readonly ((expression: string) => string)[] = [
  (e) => `select ${e}`,
  (e) => `SELECT ${e} AS answer, 1 AS one`,
  (e) => `values (1, row(${e})::text)`,
  (e) => `select * from (select ${e} as a) s`,
  (e) => `with x as (select row(${e})::text as a) select a from x`,
  (e) =>
    `with recursive x(n, a) as (select 1, '' union all select n + 1, row(${e})::text from x where n < 2) select * from x`,
  (e) => `select id from notes where id = 1 and row(${e})::text in ('(t)', '(1)', '()', '(a)')`,
  (e) => `select case when id > 0 then row(${e})::text end from notes where id = 1`,
  (e) =>
    `select exists (select from notes where id = 1 and row(${e})::text in ('(t)', '(1)', '()'))`,
  (e) => `select array(select row(${e})::text from notes where id = 1)`,
  (e) => `select n.id, l.a from notes n, lateral (select row(${e})::text as a) l where n.id = 1`,
  (e) => `select id, row(${e})::text from notes where id = 1 order by 2, 1`,
  (e) => `select row(${e})::text, count(*) from notes where id = 1 group by 1`,
  (e) => `select max(row(${e})::text) from notes where id = 1`,
  (e) => `select id from notes where id = 1 group by id having row(${e})::text <> '(t)'`,
  (e) => `select '' as a union all select row(${e})::text`,
  (e) => `select id, row(${e})::text from notes n join books b using (id) where id = 1`,
  (e) =>
    `select id from notes order by id limit case when row(${e})::text = '(t)' then 1 else 2 end`,
  (e) => `select coalesce(null, row(${e})::text) as a`,
  (e) => `select row(${e})::text is distinct from '(t)' as other`,
  (e) => `select first_value(row(${e})::text) over (order by id) from notes where id = 1`,
  (e) => `explain (analyze, costs off, timing off, summary off, buffers off) select ${e}`,
  (e) => `copy (select row(${e})::text) to stdout`,
  (e) => `/* of a report */ select\n  ${e}\n`,
  (e) => `select 1; select ${e}`,
];

/** Statements around a call that gives rows, or one value. */
const rowShapes: readonly ((call: string) => string)[] = [
  (c) => `select * from ${c} as r limit 5`,
  (c) => `select count(*) from ${c} as r`,
  (c) => `select r is null from notes, lateral ${c} as r where id = 1`,
  (c) => `select 1 where exists (select from ${c} as r)`,
  (c) => `with x as (select * from ${c} as r) select count(*) from x`,
  (c) =>
    `explain (analyze, costs off, timing off, summary off, buffers off) select * from ${c} as r`,
  (c) => `copy (select * from ${c} as r) to stdout`,
  (c) => `select * from rows from (${c}) with ordinality as r`,
];

/** The plain call, and as many other places as asked for, each another one. */
export function around(expression: string, others: number, random: Random): string[] {
  return [
    `select ${expression}`,
    ...some(shapes.slice(1), others, random).map((shape) => shape(expression)),
  ];
}

export function rowsOf(call: string, others: number, random: Random): string[] {
  return [`select * from ${call}`, ...some(rowShapes, others, random).map((shape) => shape(call))];
}

/** So many of the values, no one twice. */
export function some<T>(values: readonly T[], count: number, random: Random): T[] {
  const left = [...values];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(random.between(0, left.length - 1), 1));
  }
  return chosen;
}
