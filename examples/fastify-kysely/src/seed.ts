import type { Database } from "./database.ts";

/** By category: title, author, price in cents. */
const shelves: Record<string, readonly (readonly [string, string, number])[]> = {
  Railways: [
    ["Mugby Junction", "Charles Dickens", 799],
    ["The Celestial Railroad", "Nathaniel Hawthorne", 650],
    ["The Lost Special", "Arthur Conan Doyle", 599],
    ["The Railway Children", "Edith Nesbit", 899],
    ["The Signal-Man", "Charles Dickens", 550],
  ],
  Lighthouses: [
    ["The Lighthouse at the End of the World", "Jules Verne", 1250],
    ["The Lighthouse", "Edgar Allan Poe", 499],
    ["To the Lighthouse", "Virginia Woolf", 1099],
  ],
  Crime: [
    ["The Hound of the Baskervilles", "Arthur Conan Doyle", 950],
    ["The Moonstone", "Wilkie Collins", 1150],
    ["The Murders in the Rue Morgue", "Edgar Allan Poe", 625],
    ["The Woman in White", "Wilkie Collins", 1199],
  ],
};

/** Fills the shelves of a shop that has no books: ten copies of each. */
export async function seed(db: Database): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const names = new Set(Object.values(shelves).flatMap((books) => books.map((book) => book[1])));
    const authors = await tx
      .insertInto("authors")
      .values([...names].map((name) => ({ name })))
      .returningAll()
      .execute();
    const authorIds = new Map(authors.map(({ id, name }) => [name, id]));
    for (const [category, books] of Object.entries(shelves)) {
      const { id: categoryId } = await tx
        .insertInto("categories")
        .values({ slug: category.toLowerCase(), name: category })
        .returning("id")
        .executeTakeFirstOrThrow();
      await tx
        .insertInto("books")
        .values(
          books.map(([title, author, priceCents]) => {
            const authorId = authorIds.get(author);
            if (authorId === undefined) throw new Error(`${author} is not among the authors.`);
            return { title, authorId, categoryId, priceCents };
          }),
        )
        .execute();
    }
    await tx
      .insertInto("stock")
      .columns(["bookId", "quantity"])
      .expression((of) => of.selectFrom("books").select(["id", of.val(10).as("quantity")]))
      .execute();
  });
}
