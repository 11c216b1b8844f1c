import { relations, sql } from "drizzle-orm";
import {
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";

// What is here, `npm run generate` turns into the next migration in migrations/.

const id = () => integer().primaryKey().generatedByDefaultAsIdentity();
const now = () => timestamp({ withTimezone: true }).notNull().defaultNow();

export const authors = pgTable("authors", { id: id(), name: text().notNull() });

export const categories = pgTable("categories", {
  id: id(),
  slug: text().notNull().unique(),
  name: text().notNull(),
});

const author = () => integer().references(() => authors.id);
const category = () => integer().references(() => categories.id);

export const books = pgTable(
  "books",
  {
    id: id(),
    title: text().notNull(),
    authorId: author().notNull(),
    categoryId: category().notNull(),
    priceCents: integer().notNull(),
  },
  (book) => [index().on(book.categoryId, book.title)],
);

const book = () => integer().references(() => books.id);

export const stock = pgTable(
  "stock",
  { bookId: book().primaryKey(), quantity: integer().notNull() },
  (shelf) => [check("stock_is_never_negative", sql`${shelf.quantity} >= 0`)],
);

export const customers = pgTable(
  "customers",
  { id: id(), name: text().notNull(), email: text().notNull(), joinedAt: now() },
  (customer) => [uniqueIndex("one_customer_per_email").on(sql`lower(${customer.email})`)],
);

const customer = () => integer().references(() => customers.id);

export const reviews = pgTable(
  "reviews",
  {
    bookId: book().notNull(),
    customerId: customer().notNull(),
    rating: smallint().notNull(),
    body: text().notNull(),
    writtenAt: now(),
  },
  (review) => [
    primaryKey({ name: "one_review_per_customer", columns: [review.bookId, review.customerId] }),
    index().on(review.customerId),
    check("reviews_have_stars", sql`${review.rating} between 1 and 5`),
  ],
);

export const orders = pgTable(
  "orders",
  {
    number: id(),
    customerId: customer().notNull(),
    totalCents: integer().notNull(),
    placedAt: now(),
  },
  (order) => [index().on(order.customerId)],
);

export const orderLines = pgTable(
  "order_lines",
  {
    orderNumber: integer()
      .notNull()
      .references(() => orders.number),
    bookId: book().notNull(),
    quantity: integer().notNull(),
    priceCents: integer().notNull(),
  },
  (line) => [
    primaryKey({ name: "one_line_per_book", columns: [line.orderNumber, line.bookId] }),
    check("lines_have_books", sql`${line.quantity} > 0`),
  ],
);

export const bookRelations = relations(books, ({ one, many }) => ({
  author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  stock: one(stock, { fields: [books.id], references: [stock.bookId] }),
  reviews: many(reviews),
}));

export const reviewRelations = relations(reviews, ({ one }) => ({
  book: one(books, { fields: [reviews.bookId], references: [books.id] }),
  customer: one(customers, { fields: [reviews.customerId], references: [customers.id] }),
}));

export const orderRelations = relations(orders, ({ many }) => ({ lines: many(orderLines) }));

export const lineRelations = relations(orderLines, ({ one }) => ({
  order: one(orders, { fields: [orderLines.orderNumber], references: [orders.number] }),
  book: one(books, { fields: [orderLines.bookId], references: [books.id] }),
}));
