import type { Pool } from "pointsman";
import { Random } from "./random.ts";
import {
  adjectives,
  categories,
  firstNames,
  lastNames,
  moods,
  nouns,
  opinions,
  subjects,
} from "./words.ts";

export interface SeedOptions {
  /** Same seed, same day: same data. Default 1. */
  readonly seed?: number;
  /** 1 is the full shop (20,000 books, 30,000 orders), 0.01 a hundredth of it. Default 1. */
  readonly size?: number;
  /** The day up to which there are orders. Default today. */
  readonly today?: Date;
  /** Called after each batch with the number of rows written and to be written in all. */
  readonly onProgress?: (progress: SeedProgress) => void;
}

export interface SeedProgress {
  readonly table: string;
  readonly done: number;
  readonly total: number;
}

/** How many rows of each kind there are. */
export interface ShopSize {
  readonly authors: number;
  readonly books: number;
  readonly customers: number;
  readonly orders: number;
  readonly reviews: number;
}

/** Rows per INSERT. */
const batch = 2500;
const day = 86_400_000;

export function sizeOf(size: number): ShopSize {
  const count = (full: number) => Math.max(20, Math.round(full * size));
  return {
    authors: count(2000),
    books: count(20_000),
    customers: count(5000),
    orders: count(30_000),
    reviews: count(20_000),
  };
}

/** Fills an empty bookshop with generated data, in one transaction. */
export async function seed(pool: Pool, options: SeedOptions = {}): Promise<ShopSize> {
  const random = new Random(options.seed ?? 1);
  const size = sizeOf(options.size ?? 1);
  const today = startOfDay(options.today ?? new Date());
  const total = size.authors + 2 * size.books + size.customers + size.reviews + size.orders;
  let done = 0;

  await pool.transaction(async (tx) => {
    /** Makes `count` rows, and writes them batch by batch: one array for each column. */
    async function fill(
      table: string,
      count: number,
      insert: string,
      row: (index: number) => readonly unknown[],
    ): Promise<void> {
      for (let first = 0; first < count; first += batch) {
        const rows = Array.from({ length: Math.min(batch, count - first) }, (_, i) =>
          row(first + i),
        );
        await tx.query(insert, columns(rows));
        done += rows.length;
        options.onProgress?.({ table, done, total });
      }
    }

    await tx.query(
      "insert into categories select * from unnest($1::smallint[], $2::text[], $3::text[])",
      [
        categories.map((_, i) => i + 1),
        categories.map(([slug]) => slug),
        categories.map(([, name]) => name),
      ],
    );

    await fill(
      "authors",
      size.authors,
      "insert into authors (name) select * from unnest($1::text[])",
      () => [person(random)],
    );

    const prices: number[] = [];
    await fill(
      "books",
      size.books,
      `insert into books (isbn, title, author_id, category_id, published, price_cents, description)
       select * from unnest($1::text[], $2::text[], $3::int[], $4::smallint[], $5::date[],
                            $6::int[], $7::text[])`,
      (index) => {
        const price = random.between(4, 45) * 100 + 95;
        prices.push(price);
        return [
          isbn(index),
          title(random),
          random.popular(size.authors),
          random.between(1, categories.length),
          new Date(today - random.between(30, 12_000) * day).toISOString().slice(0, 10),
          price,
          `${random.pick(moods)}: the story of ${random.pick(subjects)} and ${random.pick(subjects)}.`,
        ];
      },
    );

    await fill(
      "stock",
      size.books,
      "insert into stock select * from unnest($1::int[], $2::int[])",
      (index) => [index + 1, random.chance(0.05) ? random.between(0, 3) : random.between(5, 200)],
    );

    await fill(
      "customers",
      size.customers,
      `insert into customers (name, email, joined_at)
       select * from unnest($1::text[], $2::text[], $3::timestamptz[])`,
      (index) => {
        const name = person(random);
        const address = name.toLowerCase().replace(" ", ".");
        const joined = new Date(today - random.between(366, 2000) * day);
        return [name, `${address}.${index + 1}@example.com`, joined];
      },
    );

    const reviewed = new Set<string>();
    await fill(
      "reviews",
      size.reviews,
      `insert into reviews (book_id, customer_id, rating, body, written_at)
       select * from unnest($1::int[], $2::int[], $3::smallint[], $4::text[], $5::timestamptz[])`,
      () => {
        let book: number;
        let customer: number;
        do {
          book = random.popular(size.books);
          customer = random.between(1, size.customers);
        } while (reviewed.has(`${book} ${customer}`));
        reviewed.add(`${book} ${customer}`);
        const written = new Date(today - random.next() * 365 * day);
        const rating = Math.min(5, 2 + random.between(0, 4));
        return [book, customer, rating, random.pick(opinions), written];
      },
    );

    // In the order of time, so that the numbers of the orders rise with it.
    await tx.query("select make_order_partitions($1, $2)", [
      new Date(today - 365 * day),
      new Date(today + 60 * day),
    ]);
    // A partitioned table is slow to be looked up in line by line: all lines are checked at the end.
    await tx.query("alter table order_lines drop constraint line_of_order");
    for (let first = 0; first < size.orders; first += batch) {
      const count = Math.min(batch, size.orders - first);
      const orders: unknown[][] = [];
      const lines: unknown[][] = [];
      for (let i = 0; i < count; i += 1) {
        const number = 1 + first + i;
        const placed = new Date(today - 365 * day + (365 * day * (number - 1)) / size.orders);
        const books = new Set(
          Array.from({ length: random.between(1, 3) }, () => random.popular(size.books)),
        );
        let sum = 0;
        for (const book of books) {
          const quantity = random.chance(0.2) ? 2 : 1;
          const price = prices[book - 1] ?? 0;
          sum += quantity * price;
          lines.push([number, placed, book, quantity, price]);
        }
        const status = random.chance(0.03) ? "cancelled" : "shipped";
        orders.push([number, placed, random.between(1, size.customers), status, sum]);
      }
      await tx.query(
        `insert into orders (number, placed_at, customer_id, status, total_cents)
         select * from unnest($1::int[], $2::timestamptz[], $3::int[], $4::order_status[], $5::int[])`,
        columns(orders),
      );
      await tx.query(
        `insert into order_lines (order_number, placed_at, book_id, quantity, price_cents)
         select * from unnest($1::int[], $2::timestamptz[], $3::int[], $4::int[], $5::int[])`,
        columns(lines),
      );
      done += count;
      options.onProgress?.({ table: "orders", done, total });
    }
    await tx.query(
      `alter table order_lines add constraint line_of_order
       foreign key (order_number, placed_at) references orders (number, placed_at)`,
    );
    await tx.query("select setval('order_numbers', $1)", [size.orders]);
    await tx.query("refresh materialized view bestsellers");
  });

  // The planner knows nothing of all this yet.
  await pool.query("vacuum analyze");
  return size;
}

function columns(rows: readonly (readonly unknown[])[]): unknown[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]));
}

function startOfDay(date: Date): number {
  return Math.floor(date.getTime() / day) * day;
}

function person(random: Random): string {
  return `${random.pick(firstNames)} ${random.pick(lastNames)}`;
}

function title(random: Random): string {
  const noun = random.pick(nouns);
  switch (random.between(1, 4)) {
    case 1:
      return `The ${random.pick(adjectives)} ${noun}`;
    case 2:
      return `${noun} and ${random.pick(nouns)}`;
    case 3:
      return `The ${noun} of ${random.pick(lastNames)}`;
    default:
      return `A ${random.pick(adjectives)} ${noun} for ${random.pick(firstNames)}`;
  }
}

/** A number of thirteen digits, the last of which checks the others. */
function isbn(index: number): string {
  const digits = `978${String(index).padStart(9, "0")}`;
  const sum = [...digits].reduce((s, digit, i) => s + Number(digit) * (i % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}
