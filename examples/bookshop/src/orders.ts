import type { Pool } from "pointsman";
import { type Page, pageOf } from "./catalogue.ts";
import { conflict, notFound, pointsNowhere } from "./problems.ts";

export interface Line {
  readonly bookId: number;
  readonly quantity: number;
}

interface Shelf {
  readonly bookId: number;
  readonly title: string;
  readonly priceCents: number;
  readonly quantity: number;
}

export interface OrderSummary {
  readonly number: number;
  readonly placedAt: Date;
  readonly status: "placed" | "shipped" | "cancelled";
  readonly totalCents: number;
}

const summary = `number, placed_at as "placedAt", status, total_cents as "totalCents"`;

/**
 * Places an order: all of its books, or nothing at all.
 *
 * @returns the number of the order
 * @throws Problem 404 for an unknown book or customer, 409 when there is not enough of a book
 */
export async function placeOrder(
  pool: Pool,
  customerId: number,
  basket: readonly Line[],
): Promise<number> {
  const lines = merge(basket);
  const ids = lines.map((line) => line.bookId);
  const quantities = lines.map((line) => line.quantity);

  // Drawn before the transaction: a refused order keeps its number, in the log and on the phone.
  // It reads like a query and writes all the same; the router knows nextval.
  const drawn = await pool.query<{ number: number }>(
    "select nextval('order_numbers')::int as number",
  );
  const number = drawn.rows[0]?.number;

  try {
    await pool.transaction(async (tx) => {
      // Always in the order of the ids: two orders for the same books wait for each other instead
      // of locking each other out.
      const { rows: shelves } = await tx.query<Shelf>(
        `select s.book_id as "bookId", b.title, b.price_cents as "priceCents", s.quantity
         from stock s join books b on b.id = s.book_id
         where s.book_id = any($1) order by s.book_id for update of s`,
        [ids],
      );
      const prices = checkStock(lines, shelves);
      const total = lines.reduce((sum, line, i) => sum + line.quantity * (prices[i] ?? 0), 0);
      const { rows: placed } = await tx.query<{ placed_at: string }>(
        `insert into orders (number, customer_id, total_cents) values ($1, $2, $3)
         returning placed_at::text`,
        [number, customerId, total],
      );
      await tx.query(
        `insert into order_lines (order_number, placed_at, book_id, quantity, price_cents)
         select $1, $2, * from unnest($3::int[], $4::int[], $5::int[])`,
        [number, placed[0]?.placed_at, ids, quantities, prices],
      );
      await tx.query(
        `update stock s set quantity = s.quantity - l.quantity
         from unnest($1::int[], $2::int[]) as l (book_id, quantity) where s.book_id = l.book_id`,
        [ids, quantities],
      );
    });
  } catch (error) {
    if (pointsNowhere(error)) throw notFound(`There is no customer ${customerId}.`);
    throw error;
  }
  if (number === undefined) throw new Error("The sequence gave no number.");
  return number;
}

/** One order with its lines. */
export async function orderPage(pool: Pool, number: number) {
  const orders = await pool.query<OrderSummary & { customerId: number }>(
    `select ${summary}, customer_id as "customerId" from orders where number = $1`,
    [number],
  );
  const [order] = orders.rows;
  if (!order) throw notFound(`There is no order ${number}.`);
  const lines = await pool.query<Line & { title: string; priceCents: number }>(
    `select l.book_id as "bookId", b.title, l.quantity, l.price_cents as "priceCents"
     from order_lines l join books b on b.id = l.book_id
     where l.order_number = $1 order by l.book_id`,
    [number],
  );
  return { ...order, lines: lines.rows };
}

/** A customer's orders, the latest first. */
export async function orderHistory(
  pool: Pool,
  customerId: number,
  page: number,
): Promise<Page<OrderSummary>> {
  const { rows } = await pool.query<OrderSummary & { total: number }>(
    `select ${summary}, count(*) over ()::int as total from orders where customer_id = $1
     order by placed_at desc limit 20 offset $2`,
    [customerId, (page - 1) * 20],
  );
  return pageOf(
    page,
    rows[0]?.total ?? 0,
    rows.map(({ total: _, ...order }) => order),
  );
}

/**
 * Cancels an order and puts its books back.
 *
 * A SELECT to look at; but it calls a function that nobody has told the router about, so it runs
 * where it can do no harm: on the writer.
 */
export async function cancelOrder(pool: Pool, number: number): Promise<void> {
  const { rows } = await pool.query<{ status: OrderSummary["status"] | null }>(
    "select cancel_order($1) as status",
    [number],
  );
  const status = rows[0]?.status;
  if (!status) throw notFound(`There is no order ${number}.`);
  if (status === "shipped") {
    throw conflict("shipped_already", `Order ${number} has been shipped already.`);
  }
}

/** Each book once, by ascending id. */
function merge(basket: readonly Line[]): Line[] {
  const quantities = new Map<number, number>();
  for (const { bookId, quantity } of basket) {
    quantities.set(bookId, (quantities.get(bookId) ?? 0) + quantity);
  }
  return [...quantities]
    .map(([bookId, quantity]) => ({ bookId, quantity }))
    .sort((a, b) => a.bookId - b.bookId);
}

/** The price of each line, once there is enough of every book. */
function checkStock(lines: readonly Line[], shelves: readonly Shelf[]): number[] {
  return lines.map((line) => {
    const shelf = shelves.find((candidate) => candidate.bookId === line.bookId);
    if (!shelf) throw notFound(`There is no book ${line.bookId}.`);
    if (shelf.quantity < line.quantity) {
      const left = shelf.quantity === 0 ? "is sold out" : `has only ${shelf.quantity} left`;
      throw conflict("out_of_stock", `“${shelf.title}” ${left}; nothing was ordered.`);
    }
    return shelf.priceCents;
  });
}
