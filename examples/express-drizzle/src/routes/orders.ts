import { and, asc, eq, getTableColumns, inArray, sql } from "drizzle-orm";
import { Router } from "express";
import type { Database } from "../database.ts";
import { digits, listOf, shape, whole } from "../input.ts";
import { Problem, refersToNothing } from "../problems.ts";
import { books, orderLines, stock, orders as table } from "../schema.ts";

interface Line {
  readonly bookId: number;
  readonly quantity: number;
}

const line = shape<Line>({ bookId: whole(), quantity: whole(1, 1000) });
const newOrder = shape({ customerId: whole(), lines: listOf(line, 100) });

export function orders(db: Database): Router {
  const router = Router();
  router.post("/orders", async ({ body }, response) => {
    const { customerId, lines } = newOrder(body, "The body");
    response.redirect(303, `/orders/${await placeOrder(db, customerId, lines)}`);
  });
  router.get("/orders/:number", async ({ params }, response) => {
    response.json(await orderPage(db, digits()(params.number, "number")));
  });
  return router;
}

/** Sells all of the books, or none of them; gives the order's number. */
async function placeOrder(db: Database, customerId: number, lines: Line[]): Promise<number> {
  const wanted = new Map<number, number>();
  for (const { bookId, quantity } of lines) {
    wanted.set(bookId, quantity + (wanted.get(bookId) ?? 0));
  }
  try {
    return await db.transaction(async (tx) => {
      // Locked in one order by everybody, so that no two orders lock each other out.
      const shelves = await tx
        .select({ ...getTableColumns(stock), title: books.title, priceCents: books.priceCents })
        .from(stock)
        .innerJoin(books, eq(books.id, stock.bookId))
        .where(inArray(stock.bookId, [...wanted.keys()]))
        .orderBy(asc(stock.bookId))
        .for("update", { of: stock });
      const missing = [...wanted.keys()].find(
        (id) => !shelves.some((shelf) => shelf.bookId === id),
      );
      if (missing) throw new Problem(404, "not_found", `There is no book ${missing}.`);
      const sold = shelves.map(({ bookId, title, priceCents, quantity: left }) => {
        const quantity = wanted.get(bookId) ?? 0;
        if (left >= quantity) return { bookId, quantity, priceCents };
        throw new Problem(409, "out_of_stock", `“${title}”: ${left} left. Nothing was ordered.`);
      });
      const totalCents = sold.reduce((sum, each) => sum + each.quantity * each.priceCents, 0);
      const [order] = await tx.insert(table).values({ customerId, totalCents }).returning();
      const orderNumber = order?.number as number;
      await tx.insert(orderLines).values(sold.map((each) => ({ orderNumber, ...each })));
      await tx
        .update(stock)
        .set({ quantity: sql`${stock.quantity} - ${orderLines.quantity}` })
        .from(orderLines)
        .where(and(eq(orderLines.bookId, stock.bookId), eq(orderLines.orderNumber, orderNumber)));
      return orderNumber;
    });
  } catch (error) {
    if (!refersToNothing(error)) throw error;
    throw new Problem(404, "not_found", `There is no customer ${customerId}.`);
  }
}

async function orderPage(db: Database, number: number) {
  const order = await db.query.orders.findFirst({
    where: eq(table.number, number),
    with: {
      lines: {
        columns: { orderNumber: false },
        with: { book: { columns: { title: true } } },
        orderBy: asc(orderLines.bookId),
      },
    },
  });
  if (!order) throw new Problem(404, "not_found", `There is no order ${number}.`);
  return { ...order, lines: order.lines.map(({ book, ...sold }) => ({ ...sold, ...book })) };
}
