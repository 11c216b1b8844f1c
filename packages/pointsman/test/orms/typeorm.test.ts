import { randomUUID } from "node:crypto";
import driver from "pointsman/pg";
import { DataSource, EntitySchema, In, QueryFailedError } from "typeorm";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table authors (id serial primary key, name text unique not null);
    create table books (id serial primary key, title text, author_id int references authors);`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const reader = /^reader[12]$/;

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

/** TypeORM on the module in the place of pg. */
async function open(options: object = {}, extra: object = {}): Promise<DataSource> {
  const { writer, reader } = local.cluster;
  const source = new DataSource({
    type: "postgres",
    driver,
    url: writer.url,
    extra: { reader: reader.url, catalog: false, ...extra },
    entities: [authors, books],
    ...options,
  });
  await source.initialize();
  onTestFinished(async () => {
    if (source.isInitialized) await source.destroy();
  });
  return source;
}

const whereReads = async (source: Pick<DataSource, "query">): Promise<string> =>
  (await source.query(`select ${here} as server`))[0].server;

describe("TypeORM on pointsman/pg", () => {
  it("reads from readers, though it checks a client out for each read", async () => {
    const source = await open();
    expect(await whereReads(source)).toMatch(reader);
  });

  it("creates, reads, updates and deletes, and reads what it wrote", async () => {
    const rows = (await open()).getRepository(authors);
    const made = await rows.save({ name: "Octavia Butler" });
    const read = await rows.findOneByOrFail({ id: made.id });
    await rows.update(made.id, { name: "Octavia E. Butler" });
    const updated = await rows.findOneByOrFail({ id: made.id });
    await rows.delete(made.id);
    const gone = await rows.findOneBy({ id: made.id });
    expect([read.name, updated.name, gone]).toEqual(["Octavia Butler", "Octavia E. Butler", null]);
  });

  it("loads relations, on a reader once it has caught up", async () => {
    const source = await open();
    const author = await source.getRepository(authors).save({ name: "Stanisław Lem" });
    await source.getRepository(books).save([
      { title: "Solaris", author },
      { title: "Fiasco", author },
    ]);
    await local.cluster.waitForReplay();
    const found = await source
      .getRepository(authors)
      .createQueryBuilder("author")
      .leftJoin("author.books", "book")
      .where("author.id = :id", { id: author.id })
      .orderBy("book.title")
      .select(["book.title as title", `${here} as server`])
      .getRawMany();
    const loaded = await source
      .getRepository(authors)
      .findOneOrFail({ where: { id: author.id }, relations: { books: true } });
    expect([found.map(({ title }) => title), loaded.books.length, found[0].server]).toEqual([
      ["Fiasco", "Solaris"],
      2,
      expect.stringMatching(reader),
    ]);
  });

  it("runs a transaction on the writer as a whole, rolled back by what it throws", async () => {
    const source = await open();
    let place: unknown;
    const failed = source.transaction(async (manager) => {
      await manager.getRepository(authors).save({ name: "Nobody" });
      place = await whereReads(manager as Pick<DataSource, "query">);
      throw new Error("not this");
    });
    await expect(failed).rejects.toThrow("not this");
    expect([place, await source.getRepository(authors).countBy({ name: "Nobody" })]).toEqual([
      "writer",
      0,
    ]);
  });

  it("nests transactions as savepoints, and sets isolation levels", async () => {
    const source = await open();
    const level = await source.transaction("SERIALIZABLE", async (manager) => {
      await manager.getRepository(authors).save({ name: "Outer" });
      await manager
        .transaction(async (inner) => {
          await inner.getRepository(authors).save({ name: "Inner" });
          throw new Error("inner");
        })
        .catch(() => {});
      return (await manager.query("show transaction_isolation"))[0];
    });
    const names = await source.getRepository(authors).findBy({ name: In(["Outer", "Inner"]) });
    expect([level, names.map(({ name }) => name)]).toEqual([
      { transaction_isolation: "serializable" },
      ["Outer"],
    ]);
  });

  it("keeps a query runner's transaction together", async () => {
    const source = await open();
    const runner = source.createQueryRunner();
    const before = await whereReads(runner as Pick<DataSource, "query">);
    await runner.startTransaction();
    await runner.manager.getRepository(authors).save({ name: "Runner" });
    const inside = await whereReads(runner as Pick<DataSource, "query">);
    await runner.rollbackTransaction();
    await runner.release();
    const count = await source.getRepository(authors).countBy({ name: "Runner" });
    expect([before, inside, count]).toEqual([expect.stringMatching(reader), "writer", 0]);
  });

  it("locks rows on the writer", async () => {
    const source = await open();
    const mark = newMark();
    await source.query(`${mark} select * from authors for update`);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("fails with errors of its own", async () => {
    const rows = (await open()).getRepository(authors);
    await rows.insert({ name: "Twice" });
    await expect(rows.insert({ name: "Twice" })).rejects.toThrow(QueryFailedError);
  });

  it("streams", async () => {
    const source = await open();
    const runner = source.createQueryRunner();
    const stream = await runner.stream(`select ${here} as server from generate_series(1, 500)`);
    const found: { server: string }[] = await stream.toArray();
    await runner.release();
    expect([found.length, found[0]?.server]).toEqual([500, expect.stringMatching(reader)]);
  });

  it("migrates", async () => {
    class First1700000000000 {
      async up(runner: Pick<DataSource, "query">): Promise<void> {
        await runner.query("create table migrated (id int)");
      }
      async down(runner: Pick<DataSource, "query">): Promise<void> {
        await runner.query("drop table migrated");
      }
    }
    const source = await open({ migrations: [First1700000000000] });
    const first = await source.runMigrations();
    const again = await source.runMigrations();
    await source.undoLastMigration();
    expect([first.length, again.length]).toEqual([1, 0]);
  });

  it("closes without leaving anything", async () => {
    const application_name = randomUUID();
    const source = await open({}, { application_name });
    await Promise.all([whereReads(source), whereReads(source)]);
    await source.destroy();
    await until(
      "none is left",
      async () => (await allConnectionsOf(local, { application_name })) === 0,
    );
  });
});
