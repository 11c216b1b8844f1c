import type { Random } from "../consistency/random.ts";

/** Statements around one expression of any type, `void` included: the places that a call can hide in. */
const shapes: readonly ((expression: string) => string)[] = [
  (e) => `select ${e}`,
  (e) => `SELECT ${e} AS answer, 1 AS one`,
  (e) => `values (1, (${e}) is null)`,
  (e) => `select * from (select ${e} as a) s`,
  (e) => `with x as (select ${e} as a) select a is null from x`,
  (e) =>
    `with recursive x(n) as (select 1 union all select n + 1 from x where n < 2 and (${e}) is null is not null) select * from x`,
  (e) => `select id from notes where id = 1 and (${e}) is null is not null`,
  (e) => `select case when id > 0 then (${e}) is null end from notes where id = 1`,
  (e) => `select exists (select from notes where id < 3 and (${e}) is null is not null)`,
  (e) => `select array(select (${e}) is null from notes where id < 3)`,
  (e) => `select n.id, l.a is null from notes n, lateral (select ${e} as a) l where n.id = 1`,
  (e) => `select id from notes where id < 3 order by (${e}) is null, id`,
  (e) => `select count(*) from notes group by (${e}) is null`,
  (e) => `select count(*) filter (where (${e}) is null) from notes where id < 3`,
  (e) => `select id from notes where id < 3 group by id having (${e}) is null is not null`,
  (e) => `select 1 union all select case when (${e}) is null then 1 else 2 end`,
  (e) =>
    `select id from notes n join books b using (id) where id = 2 or (id = 1 and (${e}) is null)`,
  (e) => `select 1 from notes where id = 1 limit case when (${e}) is null then 1 else 2 end`,
  (e) => `select coalesce(null::boolean, (${e}) is null) as a`,
  (e) => `select (${e}) is not distinct from null as same`,
  (e) => `select row_number() over (order by (${e}) is null) from notes where id < 3`,
  (e) => `explain (analyze, costs off, timing off, summary off) select ${e}`,
  (e) => `copy (select (${e}) is null) to stdout`,
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
  (c) => `explain (analyze, costs off, timing off, summary off) select * from ${c} as r`,
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
