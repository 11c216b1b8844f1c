import type { Database } from "./database.ts";
import { authors, books, categories, stock } from "./schema.ts";

const names = {
  railways: "Railways",
  seas: "The seas",
  crime: "Crime",
} as const;

const catalogue: readonly (readonly [keyof typeof names, string, string, number])[] = [
  ["railways", "Around the World in Eighty Days", "Jules Verne", 1150],
  ["railways", "Stamboul Train", "Graham Greene", 999],
  ["railways", "The Four-Fifteen Express", "Amelia Edwards", 575],
  ["railways", "The Mystery of the Blue Train", "Agatha Christie", 899],
  ["seas", "Billy Budd", "Herman Melville", 650],
  ["seas", "Lord Jim", "Joseph Conrad", 950],
  ["seas", "Moby-Dick", "Herman Melville", 1399],
  ["seas", "Twenty Thousand Leagues Under the Seas", "Jules Verne", 1250],
  ["seas", "Typhoon", "Joseph Conrad", 725],
  ["crime", "The Circular Staircase", "Mary Roberts Rinehart", 799],
  ["crime", "The Leavenworth Case", "Anna Katharine Green", 850],
  ["crime", "The Murder of Roger Ackroyd", "Agatha Christie", 925],
];

/** Fills the shelves, ten copies of each book, unless there are books already. */
export async function seed(db: Database): Promise<boolean> {
  if ((await db.$count(books)) > 0) return false;
  await db.transaction(async (tx) => {
    const writers = [...new Set(catalogue.map(([, , author]) => author))];
    const madeAuthors = await tx
      .insert(authors)
      .values(writers.map((name) => ({ name })))
      .returning();
    const madeCategories = await tx
      .insert(categories)
      .values(Object.entries(names).map(([slug, name]) => ({ slug, name })))
      .returning();
    const authorIds = new Map(madeAuthors.map(({ id, name }) => [name, id]));
    const categoryIds = new Map(madeCategories.map(({ id, slug }) => [slug, id]));
    const made = await tx
      .insert(books)
      .values(
        catalogue.map(([slug, title, author, priceCents]) => ({
          title,
          priceCents,
          authorId: authorIds.get(author) as number,
          categoryId: categoryIds.get(slug) as number,
        })),
      )
      .returning({ bookId: books.id });
    await tx.insert(stock).values(made.map(({ bookId }) => ({ bookId, quantity: 10 })));
  });
  return true;
}
