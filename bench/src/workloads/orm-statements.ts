/**
 * Texts as ORMs write them, 100 to 600 characters, each different from all others: the table's
 * alias carries the number.
 */
export function ormStatement(number: number): string {
  const make = makers[number % makers.length] as Maker;
  return make(number);
}

/**
 * Texts as ORMs write them that put values into the text, 150 to 300 characters: each is different
 * from all others, but by its values only.
 */
export function statementWithValues(number: number): string {
  const make = makersWithValues[number % makersWithValues.length] as Maker;
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

const makersWithValues: readonly Maker[] = [
  // a row by its key
  (n) =>
    `SELECT "id", "name", "email", "status", "created_at" AS "createdAt", "updated_at" AS "updatedAt" FROM "public"."users" AS "User" WHERE "User"."id" = ${n};`,
  // a page of a list
  (n) =>
    `SELECT "id", "title", "total", "status", "created_at" AS "createdAt" FROM "orders" AS "Order" WHERE ("Order"."customer_id" = ${n} AND "Order"."status" IN ('open', 'paid', 'sent')) AND "Order"."created_at" >= '2024-05-01 00:00:${n % 60}.000 +00:00' ORDER BY "Order"."created_at" DESC LIMIT 20 OFFSET ${20 * (n % 7)};`,
  // a join
  (n) =>
    `select "b0"."id", "b0"."title", "a1"."id" as "a1__id", "a1"."name" as "a1__name" from "book" as "b0" left join "author" as "a1" on "b0"."author_id" = "a1"."id" where "a1"."name" = 'Author ${n}, it''s' and "b0"."price" > ${n / 100} order by "b0"."title" asc limit 10`,
  // an insert
  (n) =>
    `INSERT INTO "reviews" ("id","book_id","stars","body","created_at","updated_at") VALUES (DEFAULT,${n},${n % 5},'It was "good"; number ${n}','2024-05-01 10:20:30.400 +00:00','2024-05-01 10:20:30.400 +00:00') RETURNING "id","book_id","stars","body","created_at","updated_at";`,
  // an update
  (n) =>
    `update "customer" set "name" = 'Customer ${n}', "note" = E'a\\\\b ${n}', "balance" = ${-n}, "active" = true, "updated_at" = '2024-05-01T10:20:30.400Z' where "id" = ${n} and "version" = ${n % 9}`,
];

/** How many shapes {@link statementWithValues} has. */
export const shapesWithValues = makersWithValues.length;
