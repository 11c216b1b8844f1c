import pg from "pointsman/pg";
import type { DataSourceOptions } from "typeorm";
import { Author, Book, Category, Customer, Order, OrderLine, Review, Stock } from "./entities.ts";
import { CreateShop1764000000000 } from "./migrations/1764000000000-create-shop.ts";

/** Where the database is, for whoever does not leave that to the environment. */
export interface DatabaseUrls {
  readonly writer: string;
  readonly reader: string;
}

/**
 * TypeORM on a driver that routes: what it reads comes from readers, and there is no `replication`
 * among its options. Without URLs, DATABASE_URL and DATABASE_READER_URL say where the servers are.
 */
export function databaseOptions(urls?: DatabaseUrls) {
  return {
    type: "postgres",
    driver: pg,
    // Options of the pool, which TypeORM hands on as they are.
    ...(urls && { url: urls.writer, extra: { reader: urls.reader } }),
    entities: [Author, Book, Category, Customer, Order, OrderLine, Review, Stock],
    migrations: [CreateShop1764000000000],
  } satisfies DataSourceOptions;
}
