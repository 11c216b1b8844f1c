import { randomUUID } from "node:crypto";
import type { Pool, PoolOptions } from "pointsman";
import driver from "pointsman/pg";
import {
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  EntitySchema,
  In,
  type MigrationInterface,
  QueryFailedError,
  type QueryRunner,
  Table,
} from "typeorm";
import { expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection, until } from "../support/waiting.ts";
import { showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const shows = showing({ name: "TypeORM", packageName: "typeorm", through: "pointsman/pg" });

interface Author {
  id: number;
  name: string;
  books: Book[];
}

interface Book {
  id: number;
  title: string;
  author: Author;
}

const authors = new EntitySchema<Author>({
  name: "authors",
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: "text", unique: true },
  },
  relations: { books: { type: "one-to-many", target: "books", inverseSide: "author" } },
});

const books = new EntitySchema<Book>({
  name: "books",
  columns: {
    id: { type: Number, primary: true, generated: true },
    title: { type: "text" },
  },
  relations: {
    author: { type: "many-to-one", target: "authors", joinColumn: { name: "author_id" } },
  },
});

const notes = new EntitySchema<{ id: number; tenant: string; body: string }>({
  name: "notes",
  columns: {
    id: { type: Number, primary: true, generated: true },
    tenant: { type: "text" },
    body: { type: "text" },
  },
});

/** TypeORM on the module in the place of pg. */
async function open(
  options: PoolOptions & { readonly writer: string } = shop.options(),
  config: Partial<DataSourceOptions> = {},
): Promise<DataSource> {
  const { writer, ...extra } = options;
  const source = new DataSource({
    type: "postgres",
    driver,
    url: writer,
    extra,
    entities: [authors, books, notes],
    ...config,
  } as DataSourceOptions);
  await source.initialize();
  onTestFinished(async () => {
    if (source.isInitialized) await source.destroy();
  });
  return source;
}

/** An author whom no other test has. */
const newAuthor = (source: Pick<DataSource, "getRepository">): Promise<Author> =>
  source.getRepository(authors).save({ name: `Author ${randomUUID()}` }) as Promise<Author>;

/** A READ ONLY transaction, which TypeORM has no word for. */
async function readOnly<T>(
  source: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    await runner.query("start transaction read only");
    const result = await work(runner.manager);
    await runner.query("commit");
    return result;
  } catch (error) {
    await runner.query("rollback");
    throw error;
  } finally {
    await runner.release();
  }
}

shows("crud", "creates, reads, updates and deletes", async () => {
  const source = await open();
  const rows = source.getRepository(authors);
  const { id, name } = await onWriter(() => newAuthor(source));
  expect(await onReaders(() => rows.findOneByOrFail({ name }))).toEqual({ id, name });
  await onWriter(() => rows.update(id, { name: `${name} Jr.` }));
  expect(await onReaders(() => rows.findOneByOrFail({ id }))).toEqual({ id, name: `${name} Jr.` });
  await onWriter(() => rows.upsert({ name: `${name} Jr.` }, ["name"]));
  await onWriter(() => rows.delete(id));
  expect(await rows.findOneBy({ id })).toBeNull();
});

shows("crud", "looks on a reader for what it is to save, and saves on the writer", async () => {
  const source = await open();
  const author = await newAuthor(source);
  await shop.cluster.waitForReplay();
  const name = randomUUID();
  const { ran } = await watch(() => source.getRepository(authors).save({ ...author, name }));
  expect([ran.readers.length, ran.writer[0], ran.writer.at(-1)]).toEqual([
    1,
    "START TRANSACTION",
    "COMMIT",
  ]);
});

for (const strategy of ["join", "query"] as const) {
  shows("relations", `loads relations from readers, by ${strategy}`, async () => {
    const source = await open();
    const author = await newAuthor(source);
    await onWriter(() =>
      source.getRepository(books).save([
        { title: "Solaris", author },
        { title: "Fiasco", author },
      ]),
    );
    const found = await onReaders(() =>
      source.getRepository(authors).findOneOrFail({
        where: { id: author.id },
        relations: { books: true },
        relationLoadStrategy: strategy,
      }),
    );
    expect(found.books.map(({ title }) => title).sort()).toEqual(["Fiasco", "Solaris"]);
  });
}

shows("relations", "joins and pages by its query builder, on readers", async () => {
  const source = await open();
  const author = await newAuthor(source);
  await source.getRepository(books).insert(["Eden", "Katar"].map((title) => ({ title, author })));
  const [page, count] = await onReaders(() =>
    source
      .getRepository(books)
      .createQueryBuilder("book")
      .innerJoinAndSelect("book.author", "author")
      .where("author.id = :id", { id: author.id })
      .orderBy("book.title")
      .take(1)
      .getManyAndCount(),
  );
  expect([page, count]).toMatchObject([[{ title: "Eden", author: { name: author.name } }], 2]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const source = await open();
  for (let turn = 0; turn < 5; turn++) {
    const { id, name } = await newAuthor(source);
    expect(await source.getRepository(authors).findOneBy({ name })).toEqual({ id, name });
  }
});

shows("transactions", "runs one on the writer, and undoes one that fails", async () => {
  const source = await open();
  const name = randomUUID();
  const failed = onWriter(() =>
    source.transaction(async (manager) => {
      await manager.getRepository(authors).save({ name });
      expect(await manager.getRepository(authors).countBy({ name })).toBe(1);
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await source.getRepository(authors).countBy({ name })).toBe(0);
});

shows("transactions", "keeps a query runner's together, with rows locked", async () => {
  const source = await open();
  const { id, name } = await newAuthor(source);
  const runner = source.createQueryRunner();
  onTestFinished(() => runner.release());
  const rows = runner.manager.getRepository(authors);
  await onReaders(() => rows.findOneBy({ id }));
  await onWriter(async () => {
    await runner.startTransaction();
    await rows.findOne({ where: { id }, lock: { mode: "pessimistic_write" } });
    await rows.update(id, { name: randomUUID() });
    await runner.rollbackTransaction();
  });
  expect(await source.getRepository(authors).findOneBy({ id })).toEqual({ id, name });
});

shows("nested", "nests transactions as savepoints", async () => {
  const source = await open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(() =>
    source.transaction(async (manager) => {
      await manager.getRepository(authors).save({ name: outer });
      const failed = manager.transaction(async (nested) => {
        await nested.getRepository(authors).save({ name: inner });
        throw new Error("inner");
      });
      expect((await rejection(failed)).message).toBe("inner");
    }),
  );
  const found = await source.getRepository(authors).findBy({ name: In([outer, inner]) });
  expect(found.map(({ name }) => name)).toEqual([outer]);
});

shows("isolation", "sets the isolation level", async () => {
  const source = await open();
  const level = await onWriter(() =>
    source.transaction("SERIALIZABLE", (manager) => manager.query("show transaction_isolation")),
  );
  expect(level).toEqual([{ transaction_isolation: "serializable" }]);
});

shows("readOnly", "runs a READ ONLY transaction of a query runner on a reader", async () => {
  const source = await open();
  const { id, name } = await newAuthor(source);
  const found = await onReaders(() =>
    readOnly(source, (manager) =>
      manager.getRepository(authors).findOne({ where: { id }, relations: { books: true } }),
    ),
  );
  expect(found).toEqual({ id, name, books: [] });
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const source = await open();
  await onReaders(() => source.query("select count(*) from authors where name <> $1", ["x"]));
  await onReaders(() => source.sql`select count(*) from authors where name <> ${"x"}`);
  await onWriter(() => source.query("select nextval('authors_id_seq')"));
  await onWriter(() => source.query("select id from authors for update limit 1"));
});

shows("streaming", "streams from a reader", async () => {
  const source = await open();
  const author = await newAuthor(source);
  const titles = Array.from({ length: 25 }, (_, at) => `Volume ${at}`);
  await source.getRepository(books).insert(titles.map((title) => ({ title, author })));
  const runner = source.createQueryRunner();
  onTestFinished(() => runner.release());
  const streamed = await onReaders(async () => {
    const found: string[] = [];
    const text = "select title from books where author_id = $1 order by id";
    const rows = await runner.stream(text, [author.id]);
    for await (const { title } of rows) found.push(title);
    return found;
  });
  expect(streamed).toEqual(titles);
  const built = await onReaders(async () => {
    const query = source.getRepository(books).createQueryBuilder("book");
    return (await query.where({ author }).stream()).toArray();
  });
  expect(built.length).toBe(25);
});

shows("migrations", "migrates once, and reads what it has applied on the writer", async () => {
  const table = `made_${randomUUID().replaceAll("-", "")}`;
  class First1700000000000 implements MigrationInterface {
    async up(runner: QueryRunner): Promise<void> {
      const columns = [{ name: "id", type: "int", isPrimary: true, isGenerated: true }];
      await runner.createTable(new Table({ name: table, columns }));
      await runner.query(`insert into ${table} default values`);
    }
    async down(runner: QueryRunner): Promise<void> {
      await runner.dropTable(table);
    }
  }
  const source = await open(shop.options(), { migrations: [First1700000000000] });
  const { result, ran } = await watch(async () => [
    (await source.runMigrations()).length,
    (await source.runMigrations()).length,
  ]);
  expect(result).toEqual([1, 0]);
  const isHistory = (text: string): boolean => /from "migrations"|create|insert/i.test(text);
  expect(ran.readers.filter(isHistory)).toEqual([]);
  expect(await source.query(`select * from ${table}`)).toEqual([{ id: 1 }]);
  await source.undoLastMigration();
  expect(await source.showMigrations()).toBe(true);
});

shows("migrations", "synchronizes entities, once", async () => {
  const name = `made_${randomUUID().replaceAll("-", "")}`;
  const made = new EntitySchema<{ id: number; mood: string; author: Author }>({
    name,
    columns: {
      id: { type: Number, primary: true, generated: true },
      mood: { type: "enum", enum: ["glad", "sad"] },
    },
    relations: { author: { type: "many-to-one", target: "authors" } },
  });
  const untouched = [authors, books, notes].map(({ options }) => ({
    ...options,
    synchronize: false,
  }));
  const entities = [...untouched.map((options) => new EntitySchema(options as never)), made];
  const source = await open(shop.options(), { entities });
  const { ran } = await watch(() => source.synchronize());
  expect(ran.readers.filter((text) => /^(create|alter)/i.test(text))).toEqual([]);
  const rest = await source.driver.createSchemaBuilder().log();
  expect(rest.upQueries).toEqual([]);
  const row = await source.getRepository(made).save({ mood: "glad" });
  expect(await onReaders(() => source.getRepository(made).findOneBy({ id: row.id }))).toEqual(row);
});

shows("errors", "fails with errors of its own", async () => {
  const source = await open();
  const { name } = await newAuthor(source);
  const error = await rejection(source.getRepository(authors).insert({ name }));
  expect(error).toBeInstanceOf(QueryFailedError);
  expect(error).toMatchObject({ driverError: { code: "23505", constraint: "authors_name_key" } });
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const source = await open({ ...shop.shopperOptions(), max: 2 });
  const notesOf = (tenant: string) =>
    readOnly(source, async (manager) => {
      await manager.query("select set_config('app.tenant', $1, true)", [tenant]);
      return (await manager.getRepository(notes).find()).map(({ body }) => body);
    });
  const tenants = ["north", "south", "nobody", "south", "north"];
  const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
  expect(found).toEqual([["of north"], ["of south"], [], ["of south"], ["of north"]]);
  const others = await onReaders(() =>
    Promise.all([1, 2, 3].map(() => source.getRepository(notes).find())),
  );
  expect(others).toEqual([[], [], []]);
});

shows("events", "has each checkout told by the pool", async () => {
  const source = await open();
  const { master } = source.driver as unknown as { readonly master: Pool };
  const told: string[] = [];
  master.on("acquire", () => told.push("acquire"));
  master.on("release", () => told.push("release"));
  await source.getRepository(authors).countBy({ name: "nobody" });
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "closes without leaving anything", async () => {
  const application_name = randomUUID();
  const source = await open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(source), source.getRepository(authors).count()]);
  await source.destroy();
  // TypeORM asks for no more than that the pool be ended.
  await until(
    "none is left",
    async () => (await allConnectionsOf(shop, { application_name })) === 0,
  );
});

it("asks only what readers can answer when it is initialized", async () => {
  const { ran } = await watch(() => open());
  expect(ran.writer).toEqual([]);
  expect(ran.readers.length).toBeGreaterThan(0);
});
