import { randomUUID } from "node:crypto";
import { type Knex, knex } from "knex";
import PostgresClient from "knex/lib/dialects/postgres/index.js";
import { initialize, Model, raw, ref, UniqueViolationError } from "objection";
import { type PoolOptions, withWriter } from "pointsman";
import driver from "pointsman/pg";
import { expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import { showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const shows = showing({
  name: "Objection",
  packageName: "objection",
  through: "pointsman/pg",
  without: { migrations: "They are Knex's." },
});

/** Knex's client for PostgreSQL on the module in the place of pg. */
class RoutedClient extends PostgresClient {
  override _driver(): object {
    return driver;
  }
}

class Author extends Model {
  static override readonly tableName = "authors";
  declare readonly id: number;
  declare readonly name: string;
  declare readonly books?: Book[];
  static override readonly relationMappings = () => ({
    books: {
      relation: Model.HasManyRelation,
      modelClass: Book,
      join: { from: "authors.id", to: "books.author_id" },
    },
  });
}

class Book extends Model {
  static override readonly tableName = "books";
  declare readonly id: number;
  declare readonly title: string;
  declare readonly author?: Author;
  static override readonly relationMappings = () => ({
    author: {
      relation: Model.BelongsToOneRelation,
      modelClass: Author,
      join: { from: "books.author_id", to: "authors.id" },
    },
  });
}

class Note extends Model {
  static override readonly tableName = "notes";
  declare readonly body: string;
}

interface Opened {
  readonly db: Knex;
  readonly authors: typeof Author;
  readonly books: typeof Book;
}

/** Models on a Knex that has asked for the version already, as it does once. */
async function open(
  options: PoolOptions = shop.options(),
  config: Partial<Knex.Config> = {},
): Promise<Opened> {
  const connection = { ...options } as Knex.StaticConnectionConfig;
  const log = { warn: () => {}, error: () => {} };
  const db = knex({ client: RoutedClient as never, connection, log, ...config });
  onTestFinished(() => db.destroy());
  await db.raw("select 1");
  return { db, authors: Author.bindKnex(db), books: Book.bindKnex(db) };
}

/** An author whom no other test has. */
const newAuthor = (authors: typeof Author): Promise<Author> =>
  authors
    .query()
    .insertAndFetch({ name: `Author ${randomUUID()}` })
    .execute();

shows("crud", "creates, reads, updates and deletes", async () => {
  const { authors } = await open();
  const name = randomUUID();
  const made = await onWriter(() => authors.query().insert({ name }));
  expect(await onReaders(() => authors.query().findById(made.id))).toEqual(made);
  await onWriter(() => made.$query().patch({ name: `${name} Jr.` }));
  const found = await onReaders(() => authors.query().findOne({ name: `${name} Jr.` }));
  expect(found?.id).toBe(made.id);
  expect(await onWriter(() => authors.query().deleteById(made.id))).toBe(1);
  expect(await authors.query().findById(made.id)).toBeUndefined();
});

shows("relations", "fetches graphs from readers, query by query and joined", async () => {
  const { authors, books } = await open();
  const author = await newAuthor(authors);
  const titles = ["Solaris", "Fiasco"];
  await author.$relatedQuery<Book>("books").insert(titles.map((title) => ({ title })));
  const fetched = await onReaders(() =>
    authors.query().findById(author.id).withGraphFetched("books.author"),
  );
  const joined = await onReaders(() =>
    authors.query().findById(author.id).withGraphJoined("books.author"),
  );
  expect(fetched?.books?.map(({ title }) => title).sort()).toEqual(["Fiasco", "Solaris"]);
  expect(joined?.books?.map((book) => book.author?.name)).toEqual([author.name, author.name]);
  const counted = await onReaders(() =>
    books
      .query()
      .joinRelated("author")
      .where("author.id", author.id)
      .select("author.name", raw("count(*)::int").as("count"))
      .groupBy(ref("author.name")),
  );
  expect(counted).toMatchObject([{ name: author.name, count: 2 }]);
});

shows("relations", "inserts and upserts graphs in transactions, on the writer", async () => {
  const { authors } = await open();
  const name = randomUUID();
  const graph = { name, books: [{ title: "Eden" }, { title: "Katar" }] };
  const made = await onWriter(() =>
    authors.transaction((trx) => authors.query(trx).insertGraph(graph).execute()),
  );
  const [kept] = made.books as [Book, Book];
  const books = [{ id: kept.id, title: "Éden" }, { title: "Głos Pana" }];
  await onWriter(() =>
    authors.transaction((trx) =>
      authors.query(trx).upsertGraph({ id: made.id, name, books }).execute(),
    ),
  );
  const found = await onReaders(() =>
    authors
      .query()
      .findById(made.id)
      .withGraphFetched("books")
      .modifyGraph("books", (query) => query.orderBy("id")),
  );
  expect(found?.books?.map(({ title }) => title)).toEqual(["Éden", "Głos Pana"]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const { authors } = await open();
  for (let turn = 0; turn < 5; turn++) {
    const name = `Author ${randomUUID()}`;
    const { id } = await authors.query().insertGraph({ name, books: [{ title: "Fiasco" }] });
    await authors.query().upsertGraph({ id, name, books: [{ title: "Solaris" }] });
    const found = await authors.query().findOne({ name }).withGraphFetched("books");
    expect(found).toMatchObject({ id, name, books: [{ title: "Solaris" }] });
  }
});

shows("transactions", "runs one on the writer, and undoes one that fails", async () => {
  const { authors } = await open();
  const name = randomUUID();
  const failed = onWriter(() =>
    authors.transaction(async (trx) => {
      await authors.query(trx).insert({ name });
      expect(await authors.query(trx).findOne({ name })).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await authors.query().findOne({ name })).toBeUndefined();
});

shows("transactions", "binds models to one, and commits it by hand", async () => {
  const { authors, books } = await open();
  const made = await onWriter(async () => {
    const trx = await authors.startTransaction();
    const { id } = await newAuthor(authors.bindKnex(trx));
    const author = await authors.bindKnex(trx).query().findById(id).throwIfNotFound();
    await author.$relatedQuery<Book>("books", trx).insert({ title: "Wizja lokalna" });
    await trx.commit();
    return author;
  });
  const found = await onReaders(() => books.query().where("author_id", made.id));
  expect(found.map(({ title }) => title)).toEqual(["Wizja lokalna"]);
});

shows("nested", "nests transactions as savepoints", async () => {
  const { authors } = await open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(() =>
    authors.transaction(async (trx) => {
      await authors.query(trx).insert({ name: outer });
      const failed = authors.transaction(trx, async (savepoint) => {
        await authors.query(savepoint).insert({ name: inner });
        throw new Error("inner");
      });
      expect((await rejection(failed)).message).toBe("inner");
    }),
  );
  const found = await authors.query().whereIn("name", [outer, inner]);
  expect(found.map(({ name }) => name)).toEqual([outer]);
});

shows("isolation", "sets the isolation level", async () => {
  const { db } = await open();
  const level = await onWriter(() =>
    db.transaction((trx) => trx.raw("show transaction_isolation"), {
      isolationLevel: "repeatable read",
    }),
  );
  expect(level.rows).toEqual([{ transaction_isolation: "repeatable read" }]);
});

shows("readOnly", "runs a READ ONLY transaction on a reader", async () => {
  const { db, authors } = await open();
  const { id, name } = await newAuthor(authors);
  const found = await onReaders(() =>
    db.transaction((trx) => authors.query(trx).findById(id).withGraphFetched("books").execute(), {
      readOnly: true,
    }),
  );
  expect(found).toMatchObject({ name, books: [] });
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const { db, authors } = await open();
  await onReaders(() => authors.query().select(raw("count(*)")));
  await onReaders(() => db.raw("select count(*) from authors"));
  await onWriter(() => authors.query().select(raw("nextval('authors_id_seq')")).limit(1));
  await onWriter(() => authors.query().forUpdate().limit(1));
});

shows("streaming", "streams from a reader, by Knex", async () => {
  const { authors, books } = await open();
  const author = await newAuthor(authors);
  const titles = Array.from({ length: 25 }, (_, at) => `Volume ${at}`);
  await books.query().insert(titles.map((title) => ({ title, author_id: author.id })));
  const streamed = await onReaders(async () => {
    const found: string[] = [];
    const query = books.query().where("author_id", author.id).orderBy("id").toKnexQuery<Book>();
    for await (const { title } of query.stream({ highWaterMark: 10 })) found.push(title);
    return found;
  });
  expect(streamed).toEqual(titles);
});

shows("errors", "fails with errors of its own", async () => {
  const { authors } = await open();
  const { name } = await newAuthor(authors);
  const error = await rejection(authors.query().insert({ name }).execute());
  expect(error).toBeInstanceOf(UniqueViolationError);
  expect(error).toMatchObject({ columns: ["name"], constraint: "authors_name_key" });
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const options = { ...shop.shopperOptions(), max: 2 };
  const { db } = await open(options, { pool: { min: 0, max: 2 } });
  const notesOf = (tenant: string) =>
    db.transaction(
      async (trx) => {
        await trx.raw("select set_config('app.tenant', ?, true)", [tenant]);
        return (await Note.query(trx)).map(({ body }) => body);
      },
      { readOnly: true },
    );
  const tenants = ["north", "south", "nobody", "south", "north"];
  const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
  expect(found).toEqual([["of north"], ["of south"], [], ["of south"], ["of north"]]);
  const others = await onReaders(() => Promise.all([1, 2, 3].map(() => Note.query(db))));
  expect(others).toEqual([[], [], []]);
});

shows("events", "has the pool of Knex tell of each use", async () => {
  const { db, authors } = await open();
  const told: string[] = [];
  db.client.pool.on("acquireSuccess", () => told.push("acquire"));
  db.client.pool.on("release", () => told.push("release"));
  await authors.query().insert({ name: randomUUID() });
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "closes without leaving anything", async () => {
  const application_name = randomUUID();
  const { db, authors } = await open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(authors), authors.query().findById(1)]);
  await db.destroy();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});

/** How often it is asked which columns there are while a graph is joined, on readers. */
async function questionsOf(authors: typeof Author): Promise<number> {
  await shop.cluster.waitForReplay();
  const { ran } = await watch(() => authors.query().withGraphJoined("books").limit(1).execute());
  expect(ran.writer).toEqual([]);
  return ran.readers.filter((text) => text.includes("information_schema.columns")).length;
}

shows("relations", "asks on a reader which columns there are, once", async () => {
  const { authors } = await open();
  expect([await questionsOf(authors), await questionsOf(authors)]).toEqual([2, 0]);
});

shows("relations", "asks on the writer where it is initialized so", async () => {
  const { db, authors, books } = await open();
  await onWriter(() => withWriter(() => initialize(db, [authors, books])));
  expect(await questionsOf(authors)).toBe(0);
});
