import { pool, prisma } from "@/lib/database.ts";

interface Month {
  readonly month: string;
  readonly books: number;
  readonly revenueCents: number;
}

/**
 * What was sold, and what is running out: both of one moment, on one reader. Prisma's own
 * transactions cannot be declared READ ONLY. The pool's can, and what Prisma sends inside joins it.
 */
export function salesReport() {
  return pool.transaction(
    async () => {
      const months = await prisma.$queryRaw<Month[]>`
        SELECT to_char(o.placed_at, 'YYYY-MM') AS month, sum(l.quantity)::int AS books,
               sum(l.quantity * l.price_cents)::float8 AS "revenueCents"
        FROM orders o JOIN order_lines l ON l.order_number = o.number
        GROUP BY 1 ORDER BY 1 DESC LIMIT 12`;
      const orders = await prisma.order.count();
      const scarce = await prisma.stock.findMany({
        where: { quantity: { lt: 5 } },
        include: { book: true },
        orderBy: [{ quantity: "asc" }, { bookId: "asc" }],
        take: 20,
      });
      const runningOut = scarce.map(({ book, quantity }) => ({
        id: book.id,
        title: book.title,
        quantity,
      }));
      return { months, orders, runningOut };
    },
    { readOnly: true, isolationLevel: "repeatable read" },
  );
}
