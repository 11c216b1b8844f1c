import { Prisma } from "@/generated/prisma/client.ts";
import { prisma } from "@/lib/database.ts";
import { conflict, notFound, pointsNowhere } from "@/lib/problems.ts";

export interface Line {
  readonly bookId: number;
  readonly quantity: number;
}

interface Shelf extends Line {
  readonly title: string;
  readonly priceCents: number;
}

/** How long an order waits for a connection, and for others that want the same books. */
const patience = { maxWait: 10_000, timeout: 10_000 };

/** Places an order: all of its books, or nothing at all. Returns its number. */
export async function placeOrder(customerId: number, basket: readonly Line[]): Promise<number> {
  const wanted = new Map<number, number>();
  for (const { bookId, quantity } of basket) {
    wanted.set(bookId, (wanted.get(bookId) ?? 0) + quantity);
  }
  try {
    return await prisma.$transaction(async (tx) => {
      // Prisma has no word for FOR UPDATE. Locked in the order of their ids: two orders for the same
      // books wait for each other, instead of locking each other out.
      const shelves = await tx.$queryRaw<Shelf[]>`
        SELECT s.book_id AS "bookId", s.quantity, b.title, b.price_cents AS "priceCents"
        FROM stock s JOIN books b ON b.id = s.book_id
        WHERE s.book_id IN (${Prisma.join([...wanted.keys()])})
        ORDER BY s.book_id FOR UPDATE OF s`;
      const lines = [...wanted].map(([bookId, quantity]) => ({
        bookId,
        quantity,
        priceCents: priceOf(bookId, quantity, shelves),
      }));
      for (const { bookId, quantity } of lines) {
        await tx.stock.update({
          where: { bookId },
          data: { quantity: { decrement: quantity } },
        });
      }
      const totalCents = lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0);
      const { number } = await tx.order.create({
        data: { customerId, totalCents, lines: { createMany: { data: lines } } },
      });
      return number;
    }, patience);
  } catch (error) {
    if (pointsNowhere(error)) throw notFound(`There is no customer ${customerId}.`);
    throw error;
  }
}

/** The price of a book of which there is enough. */
function priceOf(bookId: number, quantity: number, shelves: readonly Shelf[]): number {
  const shelf = shelves.find((candidate) => candidate.bookId === bookId);
  if (shelf === undefined) throw notFound(`There is no book ${bookId}.`);
  if (shelf.quantity < quantity) {
    const message = `There are ${shelf.quantity} of “${shelf.title}”; nothing was ordered.`;
    throw conflict("out_of_stock", message);
  }
  return shelf.priceCents;
}

export async function orderPage(number: number) {
  const order = await prisma.order.findUnique({
    where: { number },
    include: { lines: { include: { book: true }, orderBy: { bookId: "asc" } } },
  });
  if (order === null) throw notFound(`There is no order ${number}.`);
  const lines = order.lines.map(({ bookId, book, quantity, priceCents }) => ({
    bookId,
    title: book.title,
    quantity,
    priceCents,
  }));
  return { ...order, lines };
}
