import { type CreateTableBuilder, type Kysely, type Migration, sql } from "kysely";

export const shop: Migration = {
  async up(db) {
    await withId(db, "authors").addColumn("name", "text", notNull).execute();
    await withId(db, "categories")
      .addColumn("slug", "text", (column) => column.notNull().unique())
      .addColumn("name", "text", notNull)
      .execute();
    await withId(db, "books")
      .addColumn("title", "text", notNull)
      .addColumn("author_id", "integer", (column) => column.notNull().references("authors.id"))
      .addColumn("category_id", "integer", (column) => column.notNull().references("categories.id"))
      .addColumn("price_cents", "integer", notNull)
      .addCheckConstraint("books_have_a_price", sql`price_cents > 0`)
      .execute();
    await index(db, "books", ["category_id", "title"]);
    await db.schema
      .createTable("stock")
      .addColumn("book_id", "integer", (column) => column.primaryKey().references("books.id"))
      .addColumn("quantity", "integer", notNull)
      .addCheckConstraint("stock_is_never_negative", sql`quantity >= 0`)
      .execute();
    await withId(db, "customers")
      .addColumn("name", "text", notNull)
      .addColumn("email", "text", notNull)
      .addColumn("joined_at", "timestamptz", now)
      .execute();
    await db.schema
      .createIndex("one_customer_per_email")
      .unique()
      .on("customers")
      .expression(sql`lower(email)`)
      .execute();
    await db.schema
      .createTable("reviews")
      .addColumn("book_id", "integer", (column) => column.notNull().references("books.id"))
      .addColumn("customer_id", "integer", (column) => column.notNull().references("customers.id"))
      .addColumn("rating", "smallint", notNull)
      .addColumn("body", "text", notNull)
      .addColumn("written_at", "timestamptz", now)
      .addPrimaryKeyConstraint("one_review_per_customer", ["book_id", "customer_id"])
      .addCheckConstraint("reviews_have_stars", sql`rating between 1 and 5`)
      .execute();
    await index(db, "reviews", ["customer_id"]);
    await db.schema
      .createTable("orders")
      .addColumn("number", "integer", (column) =>
        column.primaryKey().generatedByDefaultAsIdentity(),
      )
      .addColumn("customer_id", "integer", (column) => column.notNull().references("customers.id"))
      .addColumn("total_cents", "integer", notNull)
      .addColumn("placed_at", "timestamptz", now)
      .execute();
    await index(db, "orders", ["customer_id"]);
    await db.schema
      .createTable("order_lines")
      .addColumn("order_number", "integer", (column) =>
        column.notNull().references("orders.number"),
      )
      .addColumn("book_id", "integer", (column) => column.notNull().references("books.id"))
      .addColumn("quantity", "integer", notNull)
      .addColumn("price_cents", "integer", notNull)
      .addPrimaryKeyConstraint("one_line_per_book", ["order_number", "book_id"])
      .addCheckConstraint("lines_have_books", sql`quantity > 0`)
      .execute();
  },

  async down(db) {
    const newestFirst = ["order_lines", "orders", "reviews", "customers", "stock", "books"];
    for (const table of [...newestFirst, "categories", "authors"]) {
      await db.schema.dropTable(table).execute();
    }
  },
};

type Column = Parameters<Parameters<CreateTableBuilder<string>["addColumn"]>[2] & object>[0];

const notNull = (column: Column): Column => column.notNull();
const now = (column: Column): Column => column.notNull().defaultTo(sql`now()`);

const withId = (db: Kysely<unknown>, table: string) =>
  db.schema
    .createTable(table)
    .addColumn("id", "integer", (column) => column.primaryKey().generatedByDefaultAsIdentity());

const index = (db: Kysely<unknown>, table: string, columns: string[]) =>
  db.schema
    .createIndex(`${table}_${columns.join("_")}`)
    .on(table)
    .columns(columns)
    .execute();
