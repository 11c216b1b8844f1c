import type { FastifyInstance } from "fastify";
import type { Database } from "../database.ts";
import { conflict, notFound, pointsNowhere } from "../problems.ts";
import { integer, object } from "../schemas.ts";

interface Line {
  readonly bookId: number;
  readonly quantity: number;
}

export async function orders(app: FastifyInstance, { db }: { db: Database }) {
  const line = object({ bookId: integer(), quantity: integer(1, 1000) });
  const lines = { type: "array", minItems: 1, maxItems: 100, items: line } as const;

  app.post<{ Body: { customerId: number; lines: Line[] } }>(
    "/orders",
    { schema: { body: object({ customerId: integer(), lines }) } },
    async ({ body }, reply) => {
      const number = await placeOrder(db, body.customerId, body.lines);
      return reply.redirect(`/orders/${number}`, 303);
    },
  );

  app.get<{ Params: { number: number } }>(
    "/orders/:number",
    { schema: { params: object({ number: integer() }) } },
    ({ params }) => orderPage(db, params.number),
  );
}

/**
 * Places an order: all of its books, or nothing at all.
 *
 * @returns the number of the order
 */
async function placeOrder(db: Database, customerId: number, basket: Line[]): Promise<number> {
  const wanted = new Map<number, number>();
  for (const { bookId, quantity } of basket) {
    wanted.set(bookId, (wanted.get(bookId) ?? 0) + quantity);
  }
  try {
    return await db.transaction().execute(async (tx) => {
      const shelves = await tx
        .selectFrom("stock")
        .innerJoin("books", "books.id", "stock.bookId")
        .select(["bookId", "title", "priceCents", "quantity"])
        .where("bookId", "in", [...wanted.keys()])
        // In one order for all: two orders for the same books wait for each other, and neither
        // locks the other out.
        .orderBy("bookId")
        .forUpdate("stock")
        .execute();
      const lines = [...wanted].map(([bookId, quantity]) => {
        const shelf = shelves.find((candidate) => candidate.bookId === bookId);
        if (shelf === undefined) throw notFound(`There is no book ${bookId}.`);
        if (shelf.quantity < quantity) {
          const left = `There are ${shelf.quantity} of “${shelf.title}” left; nothing was ordered.`;
          throw conflict("out_of_stock", left);
        }
        return { bookId, quantity, priceCents: shelf.priceCents };
      });
      const totalCents = lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0);
      const { number } = await tx
        .insertInto("orders")
        .values({ customerId, totalCents })
        .returning("number")
        .executeTakeFirstOrThrow();
      await tx
        .insertInto("orderLines")
        .values(lines.map((line) => ({ orderNumber: number, ...line })))
        .execute();
      await tx
        .updateTable("stock")
        .from("orderLines")
        .set((of) => ({ quantity: of("stock.quantity", "-", of.ref("orderLines.quantity")) }))
        .whereRef("orderLines.bookId", "=", "stock.bookId")
        .where("orderNumber", "=", number)
        .execute();
      return number;
    });
  } catch (error) {
    if (pointsNowhere(error)) throw notFound(`There is no customer ${customerId}.`);
    throw error;
  }
}

async function orderPage(db: Database, number: number) {
  const order = await db
    .selectFrom("orders")
    .selectAll()
    .where("number", "=", number)
    .executeTakeFirstOrThrow(() => notFound(`There is no order ${number}.`));
  const lines = await db
    .selectFrom("orderLines")
    .innerJoin("books", "books.id", "orderLines.bookId")
    .select(["bookId", "title", "quantity", "orderLines.priceCents"])
    .where("orderNumber", "=", number)
    .orderBy("bookId")
    .execute();
  return { ...order, lines };
}
