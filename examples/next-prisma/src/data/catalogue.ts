import type { Prisma } from "@/generated/prisma/client.ts";
import { prisma } from "@/lib/database.ts";
import { conflict, isDuplicate, notFound, pointsNowhere } from "@/lib/problems.ts";

const perPage = 20;

const withAuthorAndStock = { author: true, stock: true } as const;

/** What the shop shows of a book in a list. */
function entryOf(book: Prisma.BookGetPayload<{ include: typeof withAuthorAndStock }>) {
  const { id, title, author, priceCents, stock } = book;
  return { id, title, author: author.name, priceCents, inStock: (stock?.quantity ?? 0) > 0 };
}

export async function browse(slug: string, page: number) {
  const category = await prisma.category.findUnique({ where: { slug } });
  if (category === null) throw notFound("There is no such category.");
  const where = { categoryId: category.id };
  const [total, books] = await Promise.all([
    prisma.book.count({ where }),
    prisma.book.findMany({
      where,
      include: withAuthorAndStock,
      orderBy: [{ title: "asc" }, { id: "asc" }],
      take: perPage,
      skip: (page - 1) * perPage,
    }),
  ]);
  const pages = Math.max(1, Math.ceil(total / perPage));
  return { category: category.name, page, pages, total, entries: books.map(entryOf) };
}

export async function bookPage(id: number) {
  const book = await prisma.book.findUnique({
    where: { id },
    include: {
      ...withAuthorAndStock,
      reviews: { include: { customer: true }, orderBy: { writtenAt: "desc" }, take: 10 },
    },
  });
  if (book === null) throw notFound(`There is no book ${id}.`);
  const latestReviews = book.reviews.map(({ rating, body, customer, writtenAt }) => ({
    rating,
    body,
    customer: customer.name,
    writtenAt,
  }));
  return { ...entryOf(book), latestReviews };
}

export async function postReview(review: Prisma.ReviewUncheckedCreateInput): Promise<void> {
  try {
    await prisma.review.create({ data: review });
  } catch (error) {
    if (isDuplicate(error)) {
      throw conflict("reviewed_already", "This customer has reviewed this book already.");
    }
    if (pointsNowhere(error)) throw notFound("There is no such book, or no such customer.");
    throw error;
  }
}
