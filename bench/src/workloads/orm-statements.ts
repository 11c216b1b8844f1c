/**
 * Texts as ORMs write them, 100 to 600 characters, each different from all others: the table's
 * alias carries the number.
 */
export function ormStatement(number: number): string {
  const make = makers[number % makers.length] as Maker;
  return make(number);
}

/** A copy of a text that is a string of its own, as a query builder makes one for each call. */
export function freshCopy(text: string): string {
  return Buffer.from(text).toString();
}

type Maker = (number: number) => string;

const tables = ["orders", "customers", "books", "invoices", "shipments", "reviews", "authors"];
const fields = [
  "id",
  "created_at",
  "updated_at",
  "status",
  "title",
  "total",
  "customer_id",
  "note",
];

function pick(from: readonly string[], number: number): string {
  return from[number % from.length] as string;
}

function columns(alias: string, count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const field = pick(fields, index);
    return `"${alias}"."${field}" AS "${alias}_${field}"`;
  }).join(", ");
}

const makers: readonly Maker[] = [
  // a row by its key
  (n) => {
    const [table, alias] = [pick(tables, n), `t${n}`];
    return `SELECT ${columns(alias, 3)} FROM "public"."${table}" AS "${alias}" WHERE ("${alias}"."id" = $1) LIMIT $2`;
  },
  // a page of a list
  (n) => {
    const [table, alias] = [pick(tables, n), `t${n}`];
    return `SELECT ${columns(alias, 7)} FROM "public"."${table}" "${alias}" WHERE "${alias}"."status" IN ($1, $2, $3) AND "${alias}"."created_at" >= $4 ORDER BY "${alias}"."created_at" DESC LIMIT $5 OFFSET $6`;
  },
  // a join
  (n) => {
    const [alias, other] = [`o${n}`, `c${n}`];
    return `SELECT ${columns(alias, 4)}, ${columns(other, 3)} FROM "orders" "${alias}" LEFT JOIN "customers" "${other}" ON "${other}"."id" = "${alias}"."customer_id" WHERE "${alias}"."total" > $1 AND "${other}"."status" = $2 ORDER BY "${alias}"."id" ASC LIMIT 20`;
  },
  // an insert
  (n) => {
    const table = `${pick(tables, n)}_${n}`;
    return `INSERT INTO "public"."${table}" ("created_at", "updated_at", "status", "title", "total", "customer_id", "note") VALUES ($1, $2, $3, $4, $5, $6, DEFAULT) RETURNING "id", "created_at", "updated_at"`;
  },
  // an aggregate
  (n) => {
    const alias = `t${n}`;
    return `SELECT "${alias}"."customer_id", count(*) AS "count", coalesce(sum("${alias}"."total"), 0) AS "sum" FROM "orders" AS "${alias}" WHERE "${alias}"."created_at" BETWEEN $1 AND $2 GROUP BY "${alias}"."customer_id" HAVING count(*) > $3 ORDER BY "sum" DESC`;
  },
  // an update
  (n) => {
    const table = `${pick(tables, n)}_${n}`;
    return `UPDATE "${table}" SET "status" = $1, "updated_at" = now(), "note" = $2 WHERE "${table}"."id" = $3 AND "${table}"."status" <> $4 RETURNING *`;
  },
];
