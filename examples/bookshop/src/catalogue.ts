import type { Pool } from "pointsman";
import { notFound } from "./problems.ts";

/** What the shop shows of a book in a list. */
export interface BookEntry {
  readonly id: number;
  readonly title: string;
  readonly author: string;
  readonly priceCents: number;
  readonly inStock: boolean;
  readonly reviews: number;
  /** The average, with one decimal; `null` without reviews. */
  readonly stars: number | null;
}

export interface Page<Entry> {
  readonly page: number;
  readonly pages: number;
  readonly total: number;
  readonly entries: readonly Entry[];
}

const perPage = 20;

const entry = `id, title, author, price_cents as "priceCents", in_stock as "inStock", reviews, stars`;

/** The orders in which a category can be looked through. */
export const sortings = ["title", "newest", "cheapest"] as const;

const orderBy: Record<(typeof sortings)[number], string> = {
  title: "title, id",
  newest: "published desc, id",
  cheapest: "price_cents, id",
};

/** The front page: the categories, and what sold best in the last 30 days. */
export async function frontPage(pool: Pool) {
  const [categories, bestsellers] = await Promise.all([
    pool.query(
      `select c.slug, c.name, count(*)::int as books
       from categories c join books b on b.category_id = c.id
       group by c.id order by c.name`,
    ),
    pool.query<BookEntry & { sold: number }>(
      `select ${entry}, sold from bestsellers join catalogue on id = book_id
       order by sold desc, id limit 10`,
    ),
  ]);
  return { categories: categories.rows, bestsellers: bestsellers.rows };
}

/** One page of a category. */
export async function browse(
  pool: Pool,
  slug: string,
  sorting: (typeof sortings)[number],
  page: number,
) {
  const category = await pool.query<{ id: number; name: string }>(
    "select id, name from categories where slug = $1",
    [slug],
  );
  const [found] = category.rows;
  if (!found) throw notFound("There is no such category.");
  const [count, books] = await Promise.all([
    pool.query<{ total: number }>(
      "select count(*)::int as total from books where category_id = $1",
      [found.id],
    ),
    pool.query<BookEntry>(
      `select ${entry} from catalogue where category_id = $1
       order by ${orderBy[sorting]} limit $2 offset $3`,
      [found.id, perPage, (page - 1) * perPage],
    ),
  ]);
  return { category: found.name, ...pageOf(page, count.rows[0]?.total ?? 0, books.rows) };
}

/** Books whose title, description or author has the words, the best match first. */
export async function search(pool: Pool, words: string, page: number): Promise<Page<BookEntry>> {
  const { rows } = await pool.query<BookEntry & { total: number }>(
    `with wanted as (
       select id, ts_rank(words, websearch_to_tsquery('english', $1)) as rank
       from books where words @@ websearch_to_tsquery('english', $1)
       union all
       select b.id, 1 from authors a join books b on b.author_id = a.id
       where a.name_words @@ websearch_to_tsquery('simple', $1)
     ),
     ranked as (select id, max(rank) as rank from wanted group by id),
     best as (
       select id, rank, count(*) over ()::int as total from ranked
       order by rank desc, id limit $2 offset $3
     )
     select ${entry}, total from best join catalogue using (id) order by rank desc, id`,
    [words, perPage, (page - 1) * perPage],
  );
  const total = rows[0]?.total ?? 0;
  return pageOf(
    page,
    total,
    rows.map(({ total: _, ...book }) => book),
  );
}

/** Everything about one book, with its latest reviews and more by its author. */
export async function bookPage(pool: Pool, id: number) {
  const [books, reviews, more] = await Promise.all([
    pool.query<BookEntry & { isbn: string; published: string; description: string }>(
      `select ${entry}, isbn, published::text, description from catalogue where id = $1`,
      [id],
    ),
    pool.query(
      `select r.rating, r.body, c.name as customer, r.written_at as "writtenAt"
       from reviews r join customers c on c.id = r.customer_id
       where r.book_id = $1 order by r.written_at desc limit 10`,
      [id],
    ),
    pool.query<BookEntry>(
      `select ${entry} from catalogue
       where author_id = (select author_id from books where id = $1) and id <> $1
       order by stars desc nulls last, id limit 5`,
      [id],
    ),
  ]);
  const [book] = books.rows;
  if (!book) throw notFound(`There is no book ${id}.`);
  return { ...book, latestReviews: reviews.rows, byTheSameAuthor: more.rows };
}

export function pageOf<Entry>(page: number, total: number, entries: readonly Entry[]): Page<Entry> {
  return { page, pages: Math.max(1, Math.ceil(total / perPage)), total, entries };
}
