import type { Pool } from "pointsman";

export interface Book {
  readonly id: number;
  readonly title: string;
  readonly price: number;
}

export interface Order {
  readonly number: string;
  readonly title: string;
}

/** All books; a reader tells. */
export async function books(pool: Pool): Promise<readonly Book[]> {
  const { rows } = await pool.query<Book>(
    "select id, title, price_cents as price from books order by title",
  );
  return rows;
}

/** One book; a reader tells, since the database says of `price_of` that it only reads. */
export async function book(pool: Pool, id: number): Promise<Book | undefined> {
  const { rows } = await pool.query<Book>(
    "select id, title, price_of(id) as price from books where id = $1",
    [id],
  );
  return rows[0];
}

/** Takes an order, and returns its number; there may be no such book. */
export async function placeOrder(pool: Pool, bookId: number): Promise<string | undefined> {
  const { rows } = await pool.query<{ number: string }>(
    "insert into orders (book_id) select id from books where id = $1 returning number",
    [bookId],
  );
  return rows[0]?.number;
}

/** One order; a reader tells that has it, else the writer. */
export async function order(pool: Pool, number: string): Promise<Order | undefined> {
  const { rows } = await pool.query<Order>(
    "select number, title from orders join books on books.id = book_id where number = $1",
    [number],
  );
  return rows[0];
}
