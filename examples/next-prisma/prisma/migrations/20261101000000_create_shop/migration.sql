CREATE TABLE "authors" (
  "id" SERIAL PRIMARY KEY,
  "name" TEXT NOT NULL
);

CREATE TABLE "categories" (
  "id" SERIAL PRIMARY KEY,
  "slug" TEXT NOT NULL,
  "name" TEXT NOT NULL
);
CREATE UNIQUE INDEX "categories_slug_key" ON "categories" ("slug");

CREATE TABLE "books" (
  "id" SERIAL PRIMARY KEY,
  "title" TEXT NOT NULL,
  "price_cents" INTEGER NOT NULL CHECK ("price_cents" > 0),
  "author_id" INTEGER NOT NULL REFERENCES "authors" ON DELETE RESTRICT ON UPDATE CASCADE,
  "category_id" INTEGER NOT NULL REFERENCES "categories" ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "books_category_id_title_id_idx" ON "books" ("category_id", "title", "id");

CREATE TABLE "stock" (
  "book_id" INTEGER PRIMARY KEY REFERENCES "books" ON DELETE RESTRICT ON UPDATE CASCADE,
  "quantity" INTEGER NOT NULL CHECK ("quantity" >= 0)
);

CREATE TABLE "customers" (
  "id" SERIAL PRIMARY KEY,
  "name" TEXT NOT NULL,
  "email" TEXT NOT NULL,
  "joined_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX "customers_email_key" ON "customers" ("email");

CREATE TABLE "reviews" (
  "book_id" INTEGER NOT NULL REFERENCES "books" ON DELETE RESTRICT ON UPDATE CASCADE,
  "customer_id" INTEGER NOT NULL REFERENCES "customers" ON DELETE RESTRICT ON UPDATE CASCADE,
  "rating" SMALLINT NOT NULL CHECK ("rating" BETWEEN 1 AND 5),
  "body" TEXT NOT NULL,
  "written_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("book_id", "customer_id")
);

CREATE TABLE "orders" (
  "number" SERIAL PRIMARY KEY,
  "customer_id" INTEGER NOT NULL REFERENCES "customers" ON DELETE RESTRICT ON UPDATE CASCADE,
  "total_cents" INTEGER NOT NULL,
  "placed_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "order_lines" (
  "order_number" INTEGER NOT NULL REFERENCES "orders" ON DELETE RESTRICT ON UPDATE CASCADE,
  "book_id" INTEGER NOT NULL REFERENCES "books" ON DELETE RESTRICT ON UPDATE CASCADE,
  "quantity" INTEGER NOT NULL CHECK ("quantity" > 0),
  "price_cents" INTEGER NOT NULL,
  PRIMARY KEY ("order_number", "book_id")
);
