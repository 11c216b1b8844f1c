import type { EntityManager } from "typeorm";
import { Author, Book, Category, Stock } from "./entities.ts";

const categories = [
  { slug: "railways", name: "Railways" },
  { slug: "nature", name: "Nature" },
  { slug: "cooking", name: "Cooking" },
];

/** Title, author, category and price of each book. */
const books = [
  ["Points and Signals", "Edith Varga", "railways", 2495],
  ["The Branch Line", "Omar Haddad", "railways", 1295],
  ["Night Mail to Trieste", "Chiara Bellini", "railways", 1495],
  ["Steam in the Valley", "Edith Varga", "railways", 3295],
  ["Last Train from Narvik", "Jonas Eriksen", "railways", 995],
  ["A Year of Hedges", "Nadia Quinn", "nature", 1895],
  ["The Patient Heron", "Marek Novak", "nature", 1695],
  ["Moss", "Nadia Quinn", "nature", 1195],
  ["Rivers at Night", "Aya Tanaka", "nature", 2195],
  ["Bread for Beginners", "Lucia Santos", "cooking", 1995],
  ["The Salt Book", "Omar Haddad", "cooking", 2795],
  ["Forty Soups", "Lucia Santos", "cooking", 1595],
] as const;

/** Fills the empty shelves. */
export async function seed(manager: EntityManager): Promise<void> {
  const names = [...new Set(books.map(([, author]) => author))];
  const authors = await manager.save(names.map((name) => manager.create(Author, { name })));
  const shelves = await manager.save(categories.map((one) => manager.create(Category, one)));
  const saved = await manager.save(
    books.map(([title, name, slug, priceCents]) =>
      manager.create(Book, {
        title,
        priceCents,
        author: authors.find((author) => author.name === name) as Author,
        category: shelves.find((shelf) => shelf.slug === slug) as Category,
      }),
    ),
  );
  await manager.insert(
    Stock,
    saved.map(({ id }) => ({ bookId: id, quantity: 10 })),
  );
}
