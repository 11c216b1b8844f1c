import { ConflictException, Injectable, NotFoundException } from "@nestjs/common";
import { InjectRepository } from "@nestjs/typeorm";
import type { Repository } from "typeorm";
import { Book, Category, Review } from "../entities.ts";
import { isDuplicate, pointsNowhere } from "../problems.ts";

const perPage = 20;

const entryOf = ({ id, title, author, priceCents, stock }: Book) => ({
  id,
  title,
  author: author.name,
  priceCents,
  inStock: stock.quantity > 0,
});

@Injectable()
export class CatalogueService {
  constructor(
    @InjectRepository(Category) private readonly categories: Repository<Category>,
    @InjectRepository(Book) private readonly books: Repository<Book>,
    @InjectRepository(Review) private readonly reviews: Repository<Review>,
  ) {}

  async browse(slug: string, page: number) {
    const category = await this.categories.findOneBy({ slug });
    if (category === null) throw new NotFoundException("There is no such category.");
    const [books, total] = await this.books.findAndCount({
      where: { category: { id: category.id } },
      relations: { author: true, stock: true },
      order: { title: "ASC", id: "ASC" },
      take: perPage,
      skip: (page - 1) * perPage,
    });
    return {
      category: category.name,
      page,
      pages: Math.max(1, Math.ceil(total / perPage)),
      total,
      entries: books.map(entryOf),
    };
  }

  async book(id: number) {
    const [book, latest] = await Promise.all([
      this.books.findOne({ where: { id }, relations: { author: true, stock: true } }),
      this.reviews.find({
        where: { bookId: id },
        relations: { customer: true },
        order: { writtenAt: "DESC" },
        take: 10,
      }),
    ]);
    if (book === null) throw new NotFoundException(`There is no book ${id}.`);
    const latestReviews = latest.map(({ rating, body, customer, writtenAt }) => ({
      rating,
      body,
      customer: customer.name,
      writtenAt,
    }));
    return { ...entryOf(book), latestReviews };
  }

  async review(review: Pick<Review, "bookId" | "customerId" | "rating" | "body">): Promise<void> {
    try {
      await this.reviews.insert(review);
    } catch (error) {
      if (isDuplicate(error, "one_review_per_customer")) {
        const message = "This customer has reviewed this book already.";
        throw new ConflictException(message, "reviewed_already");
      }
      if (pointsNowhere(error)) {
        throw new NotFoundException("There is no such book, or no such customer.");
      }
      throw error;
    }
  }
}
