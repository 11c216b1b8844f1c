import { randomUUID } from "node:crypto";
import {
  type Collection,
  EntitySchema,
  IsolationLevel,
  LoadStrategy,
  LockMode,
  MikroORM,
  type Options,
  PostgreSqlKnexDialect,
  raw,
  UniqueConstraintViolationException,
} from "@mikro-orm/postgresql";
import type { PoolOptions } from "pointsman";
import driver from "pointsman/pg";
import { expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import { showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const shows = showing({
  name: "MikroORM",
  packageName: "@mikro-orm/core",
  through: "pointsman/pg",
});

/** MikroORM's client of Knex on the module in the place of pg. */
class RoutedDialect extends PostgreSqlKnexDialect {
  _driver(): object {
    return driver;
  }
}

interface Author {
  id: number;
  name: string;
  books: Collection<Book>;
}

interface Book {
  id: number;
  title: string;
  author: Author;
}

interface Note {
  id: number;
  tenant: string;
  body: string;
}

const Authors = new EntitySchema<Author>({
  name: "Author",
  tableName: "authors",
  properties: {
    id: { type: "number", primary: true },
    name: { type: "text", unique: true },
    books: { kind: "1:m", entity: "Book", mappedBy: "author" },
  },
});

const Books = new EntitySchema<Book>({
  name: "Book",
  tableName: "books",
  properties: {
    id: { type: "number", primary: true },
    title: { type: "text" },
    author: { kind: "m:1", entity: "Author" },
  },
});

const Notes = new EntitySchema<Note>({
  name: "Note",
  tableName: "notes",
  properties: {
    id: { type: "number", primary: true },
    tenant: { type: "text" },
    body: { type: "text" },
  },
});

async function open(
  options: PoolOptions & { readonly writer: string } = shop.options(),
  config: Options = {},
): Promise<MikroORM> {
  const { writer, ...others } = options;
  const orm = await MikroORM.init({
    clientUrl: writer,
    driverOptions: { client: RoutedDialect, connection: others },
    entities: [Authors, Books, Notes],
    discovery: { disableDynamicFileAccess: true },
    debug: false,
    ...config,
  });
  onTestFinished(() => orm.close());
  return orm;
}

/** An author whom no other test has. */
async function newAuthor(orm: MikroORM, titles: string[] = []): Promise<Author> {
  const em = orm.em.fork();
  const author = em.create(Authors, { name: `Author ${randomUUID()}` } as Author);
  for (const title of titles) em.create(Books, { title, author } as Book);
  await em.flush();
  return author;
}

shows("crud", "creates, reads, updates and deletes by a unit of work", async () => {
  const orm = await open();
  const { id, name } = await onWriter(() => newAuthor(orm));
  const em = orm.em.fork();
  const found = await onReaders(() => em.findOneOrFail(Authors, { name }));
  expect(found.id).toBe(id);
  found.name = `${name} Jr.`;
  await onWriter(() => em.flush());
  const again = await onReaders(() => orm.em.fork().findOneOrFail(Authors, id));
  expect(again.name).toBe(`${name} Jr.`);
  await onWriter(() => em.remove(found).flush());
  expect(await orm.em.fork().findOne(Authors, id)).toBeNull();
});

for (const strategy of [LoadStrategy.JOINED, LoadStrategy.SELECT_IN]) {
  shows("relations", `populates from readers, ${strategy}`, async () => {
    const orm = await open();
    const { id, name } = await newAuthor(orm, ["Solaris", "Fiasco"]);
    const author = await onReaders(() =>
      orm.em.fork().findOneOrFail(Authors, id, {
        populate: ["books"],
        orderBy: { books: { title: "asc" } },
        strategy,
      }),
    );
    expect(author.books.getItems().map(({ title }) => title)).toEqual(["Fiasco", "Solaris"]);
    const [book] = await onReaders(() =>
      orm.em.fork().find(Books, { author: { name } }, { populate: ["author"], strategy, limit: 1 }),
    );
    expect(book?.author.name).toBe(name);
  });
}

shows("relations", "loads a collection, and pages, from readers", async () => {
  const orm = await open();
  const { id } = await newAuthor(orm, ["Eden", "Katar", "Golem XIV"]);
  const em = orm.em.fork();
  const [titles, page] = await onReaders(async () => {
    const author = await em.findOneOrFail(Authors, id);
    return [
      await author.books.loadItems({ orderBy: { title: "asc" } }),
      await em.fork().findAndCount(Books, { author: id }, { limit: 2, orderBy: { title: "asc" } }),
    ] as const;
  });
  expect(titles.map(({ title }) => title)).toEqual(["Eden", "Golem XIV", "Katar"]);
  expect(page).toMatchObject([[{ title: "Eden" }, { title: "Golem XIV" }], 3]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const orm = await open();
  for (let turn = 0; turn < 5; turn++) {
    const { id, name } = await newAuthor(orm, ["Cyberiada"]);
    const author = await orm.em.fork().findOne(Authors, { name }, { populate: ["books"] });
    expect([author?.id, author?.books.length]).toEqual([id, 1]);
  }
});

shows("transactions", "runs one on the writer, and undoes one that fails", async () => {
  const orm = await open();
  const name = randomUUID();
  const failed = onWriter(() =>
    orm.em.fork().transactional(async (em) => {
      em.create(Authors, { name } as Author);
      await em.flush();
      expect(await em.fork({ keepTransactionContext: true }).count(Authors, { name })).toBe(1);
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await orm.em.fork().findOne(Authors, { name })).toBeNull();
});

shows("transactions", "begins and commits by hand, and locks rows", async () => {
  const orm = await open();
  const { id } = await newAuthor(orm);
  const name = randomUUID();
  const em = orm.em.fork();
  await onWriter(async () => {
    await em.begin();
    const author = await em.findOneOrFail(Authors, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
    author.name = name;
    await em.commit();
  });
  expect(await onReaders(() => orm.em.fork().findOne(Authors, { name }))).toMatchObject({ id });
});

shows("transactions", "flushes several writes in one transaction, on the writer", async () => {
  const orm = await open();
  const { name } = await newAuthor(orm);
  const em = orm.em.fork();
  const other = randomUUID();
  em.create(Authors, { name: other } as Author);
  em.create(Authors, { name } as Author);
  const { ran } = await watch(() => rejection(em.flush()));
  expect(ran.readers).toEqual([]);
  expect([ran.writer[0], ran.writer.at(-1)]).toEqual(["BEGIN;", "ROLLBACK"]);
  expect(await orm.em.fork().count(Authors, { name: other })).toBe(0);
});

shows("nested", "nests transactions as savepoints", async () => {
  const orm = await open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(() =>
    orm.em.fork().transactional(async (em) => {
      em.create(Authors, { name: outer } as Author);
      await em.flush();
      const failed = em.transactional(async (nested) => {
        nested.create(Authors, { name: inner } as Author);
        await nested.flush();
        throw new Error("inner");
      });
      expect((await rejection(failed)).message).toBe("inner");
    }),
  );
  const found = await orm.em.fork().find(Authors, { name: [outer, inner] });
  expect(found.map(({ name }) => name)).toEqual([outer]);
});

shows("isolation", "sets the isolation level", async () => {
  const orm = await open();
  const level = await onWriter(() =>
    orm.em.fork().transactional((em) => em.execute("show transaction_isolation"), {
      isolationLevel: IsolationLevel.SERIALIZABLE,
    }),
  );
  expect(level).toEqual([{ transaction_isolation: "serializable" }]);
});

shows("readOnly", "runs a READ ONLY transaction on a reader", async () => {
  const orm = await open();
  const { id, name } = await newAuthor(orm, ["Powrót z gwiazd"]);
  const author = await onReaders(() =>
    orm.em.fork().transactional((em) => em.findOneOrFail(Authors, id, { populate: ["books"] }), {
      readOnly: true,
    }),
  );
  expect([author.name, author.books.length]).toEqual([name, 1]);
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const orm = await open();
  const em = orm.em.fork();
  await onReaders(() => em.execute("select count(*) from authors where name <> ?", ["nobody"]));
  await onReaders(() =>
    em
      .createQueryBuilder(Authors, "a")
      .select(raw("count(*)"))
      .where({ name: { $ne: "nobody" } })
      .execute("get"),
  );
  await onWriter(() => em.execute("select nextval('authors_id_seq')"));
  await onWriter(() => em.execute("select id from authors for update skip locked limit 1"));
});

shows("raw", "has values parsed as MikroORM wants them, on a reader", async () => {
  const orm = await open();
  const rows = await onReaders(() =>
    orm.em.fork().execute("select date '2026-02-03' as day, array[date '2026-02-03'] as days"),
  );
  expect(rows).toEqual([{ day: "2026-02-03", days: ["2026-02-03"] }]);
});

shows("streaming", "streams from a reader, by Knex", async () => {
  const orm = await open();
  const titles = Array.from({ length: 25 }, (_, at) => `Volume ${at}`);
  const author = await newAuthor(orm, titles);
  const streamed = await onReaders(async () => {
    const found: string[] = [];
    const query = orm.em.createQueryBuilder(Books).select("title").where({ author });
    const books = query.orderBy({ id: "asc" }).getKnexQuery();
    for await (const { title } of books.stream({ highWaterMark: 10 })) found.push(title);
    return found;
  });
  expect(streamed).toEqual(titles);
});

shows("migrations", "brings the schema up to date by its generator, once", async () => {
  const name = `made_${randomUUID().replaceAll("-", "")}`;
  const Made = new EntitySchema<{ id: number; author: Author }>({
    name,
    tableName: name,
    properties: {
      id: { type: "number", primary: true },
      author: { kind: "m:1", entity: "Author" },
    },
  });
  const orm = await open(shop.options(), {
    entities: [Authors, Books, Notes, Made],
    schemaGenerator: { skipTables: ["authors", "books", "notes"] },
    pool: { min: 1, max: 1 },
  });
  const { ran } = await watch(() => orm.schema.updateSchema({ safe: true }));
  const changes = /^(create|alter|set)/i;
  expect(ran.writer.some((text) => text.startsWith("create table"))).toBe(true);
  expect(ran.readers.filter((text) => changes.test(text))).toEqual([]);
  expect(await orm.schema.getUpdateSchemaSQL({ safe: true, wrap: false })).toBe("");
  const author = await newAuthor(orm);
  const em = orm.em.fork();
  em.create(Made, { author } as never);
  await em.flush();
  expect(await onReaders(() => orm.em.fork().count(Made))).toBe(1);
});

shows("errors", "fails with errors of its own", async () => {
  const orm = await open();
  const { name } = await newAuthor(orm);
  const error = await rejection(orm.em.fork().insert(Authors, { name } as Author));
  expect(error).toBeInstanceOf(UniqueConstraintViolationException);
  expect(error).toMatchObject({ code: "23505", constraint: "authors_name_key" });
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const options = { ...shop.shopperOptions(), max: 2 };
  const orm = await open(options, { pool: { min: 0, max: 2 } });
  const notesOf = (tenant: string) =>
    orm.em.fork().transactional(
      async (em) => {
        await em.execute("select set_config('app.tenant', ?, true)", [tenant]);
        return (await em.find(Notes, {})).map(({ body }) => body);
      },
      { readOnly: true },
    );
  const tenants = ["north", "south", "nobody", "south", "north"];
  const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
  expect(found).toEqual([["of north"], ["of south"], [], ["of south"], ["of north"]]);
  const others = await onReaders(() =>
    Promise.all([1, 2, 3].map(() => orm.em.fork().find(Notes, {}))),
  );
  expect(others).toEqual([[], [], []]);
});

shows("events", "has the pool of Knex tell of each use", async () => {
  const orm = await open();
  const told: string[] = [];
  const { pool } = orm.em.getKnex().client;
  pool.on("acquireSuccess", () => told.push("acquire"));
  pool.on("release", () => told.push("release"));
  await orm.em.fork().count(Authors);
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "closes without leaving anything", async () => {
  const application_name = randomUUID();
  const orm = await open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(orm), orm.em.fork().count(Books)]);
  await orm.close();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
