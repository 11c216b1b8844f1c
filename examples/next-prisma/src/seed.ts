import { prisma } from "@/lib/database.ts";

const categories = [
  { slug: "railways", name: "Railways" },
  { slug: "travel", name: "Travel" },
  { slug: "poetry", name: "Poetry" },
];

/** The books of each author: title, category, price. */
const shelves = {
  "Ada Farkas": [["The Signalman's Daughter", "railways", 1495]],
  "Bruno Keller": [["Alpine Tunnels", "railways", 3895]],
  "Grace Mensah": [
    ["Platform Nine at Dawn", "railways", 1295],
    ["Slow Boats", "travel", 1695],
  ],
  "Ivan Petrov": [["Across Two Continents by Rail", "railways", 2295]],
  "Jun Nakamura": [
    ["Forty Islands", "travel", 1995],
    ["Rain Poems", "poetry", 995],
  ],
  "Lena Castillo": [["Walking South", "travel", 1795]],
  "Omar Diallo": [
    ["A House of Salt", "poetry", 1095],
    ["Desert Roads", "travel", 2195],
  ],
  "Zara Lindgren": [
    ["Letters to the Sea", "poetry", 1195],
    ["Winter Alphabet", "poetry", 895],
  ],
} as const;

/** Fills the shelves, where they are empty. */
export async function seed(): Promise<void> {
  await prisma.$transaction(async (tx) => {
    if ((await tx.book.count()) > 0) return;
    const saved = await tx.category.createManyAndReturn({ data: categories });
    const idOf = new Map(saved.map(({ slug, id }) => [slug, id]));
    for (const [name, books] of Object.entries(shelves)) {
      const create = books.map(([title, slug, priceCents]) => ({
        title,
        priceCents,
        category: { connect: { id: idOf.get(slug) as number } },
        stock: { create: { quantity: 10 } },
      }));
      await tx.author.create({ data: { name, books: { create } } });
    }
  });
}
