import type { Pool } from "pointsman";

/**
 * The back office's report. Declared READ ONLY, so that it runs on a reader, however long it
 * takes; in one snapshot, so that its parts agree with each other.
 */
export async function salesReport(pool: Pool) {
  return pool.transaction(
    async (tx) => {
      const months = await tx.query(
        `select month::text, sum(books)::int as books, sum(revenue_cents) as "revenueCents"
         from sales_by_month group by month order by month desc limit 12`,
      );
      const categories = await tx.query(
        `select c.name as category, sum(s.books)::int as books,
                sum(s.revenue_cents) as "revenueCents"
         from sales_by_month s join categories c on c.id = s.category_id
         group by c.id order by 3 desc`,
      );
      const runningOut = await tx.query(
        `select b.id, b.title, s.quantity from stock s join books b on b.id = s.book_id
         where s.quantity < 5 order by s.quantity, b.id limit 20`,
      );
      return {
        months: months.rows,
        categories: categories.rows,
        runningOut: runningOut.rows,
      };
    },
    { readOnly: true, isolationLevel: "repeatable read" },
  );
}

/** Counts the bestsellers anew. */
export async function refreshBestsellers(pool: Pool): Promise<void> {
  await pool.query("refresh materialized view concurrently bestsellers");
}
