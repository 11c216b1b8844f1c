import type { Cluster } from "@pointsman/local";
import pg from "pg";

export const bigSchema = { functions: 5_000, views: 2_000 } as const;

/** How many functions call each other, and how many views stand on one function. */
const chain = 10;

/**
 * Makes thousands of functions, in SQL and PL/pgSQL by turns, each but the first of ten calling the
 * one before it, and views that call them. All of them only read.
 */
export async function makeBigSchema(cluster: Cluster): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.writer.url });
  await client.connect();
  try {
    await client.query("create table stock (id int primary key, pence int, shelf text)");
    for (let start = 0; start < bigSchema.functions; start += 500) {
      const made = Array.from({ length: 500 }, (_, n) => createFunction(start + n));
      await client.query(made.join(";\n"));
    }
    for (let start = 0; start < bigSchema.views; start += 500) {
      const made = Array.from({ length: 500 }, (_, n) => createView(start + n));
      await client.query(made.join(";\n"));
    }
  } finally {
    await client.end();
  }
  await cluster.waitForReplay();
}

/** A text that was never seen, and calls one of them. */
export function callOf(number: number): string {
  return `select s.id, s.shelf, total_${number % bigSchema.functions}(s.id) as "total ${number}" from stock s where s.pence > $1 and s.shelf = $2 order by s.id`;
}

function createFunction(number: number): string {
  const before = number % chain === 0 ? "0" : `total_${number - 1}($1)`;
  const sum = `(select coalesce(sum(pence), 0) from stock where id <= $1)`;
  return number % 2 === 0
    ? `create function total_${number}(int) returns bigint language sql as 'select ${sum} + ${before}'`
    : `create function total_${number}(int) returns bigint language plpgsql as $$
       declare answer bigint;
       begin
         if $1 < 0 then raise exception 'negative'; end if;
         select ${sum} + ${before} into answer;
         return answer;
       end $$`;
}

function createView(number: number): string {
  return `create view shelf_${number} as select id, shelf, total_${number * 2}(id) as total from stock where pence > ${number}`;
}
