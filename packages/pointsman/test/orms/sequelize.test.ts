import { randomUUID } from "node:crypto";
import type { PoolOptions } from "pointsman";
import { withOptions } from "pointsman/pg";
import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
  type ModelStatic,
  type NonAttribute,
  type Options,
  QueryTypes,
  Sequelize,
  Transaction,
  UniqueConstraintError,
} from "sequelize";
import { expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection, until } from "../support/waiting.ts";
import { showing } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const shows = showing({
  name: "Sequelize",
  packageName: "sequelize",
  through: "pointsman/pg",
  without: { streaming: "It has none." },
});

class Author extends Model<InferAttributes<Author>, InferCreationAttributes<Author>> {
  declare id: CreationOptional<number>;
  declare name: string;
  declare books?: NonAttribute<Book[]>;
}

class Book extends Model<InferAttributes<Book>, InferCreationAttributes<Book>> {
  declare id: CreationOptional<number>;
  declare title: string;
  declare author_id: number;
  declare author?: NonAttribute<Author>;
}

interface Opened {
  readonly sequelize: Sequelize;
  readonly authors: ModelStatic<Author>;
  readonly books: ModelStatic<Book>;
}

/** Sequelize on the module in the place of pg, which has asked for the version, as it does once. */
async function open(
  options: PoolOptions & { readonly writer: string } = shop.options(),
  config: Options = {},
): Promise<Opened> {
  const { writer, ...others } = options;
  const sequelize = new Sequelize(writer, {
    dialect: "postgres",
    dialectModule: withOptions(others),
    logging: false,
    ...config,
  });
  onTestFinished(() => sequelize.close());
  const id = { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true };
  const settings = { sequelize, timestamps: false };
  const authors = class extends Author {};
  authors.init({ id, name: DataTypes.TEXT }, { ...settings, tableName: "authors" });
  const books = class extends Book {};
  const ofBook = { id, title: DataTypes.TEXT, author_id: DataTypes.INTEGER };
  books.init(ofBook, { ...settings, tableName: "books" });
  authors.hasMany(books, { foreignKey: "author_id", as: "books" });
  books.belongsTo(authors, { foreignKey: "author_id", as: "author" });
  await sequelize.authenticate();
  return { sequelize, authors, books };
}

/** An author whom no other test has. */
const newAuthor = (authors: ModelStatic<Author>): Promise<Author> =>
  authors.create({ name: `Author ${randomUUID()}` });

shows("crud", "creates, reads, updates and deletes", async () => {
  const { authors } = await open();
  const made = await onWriter(() => newAuthor(authors));
  expect((await onReaders(() => authors.findByPk(made.id)))?.name).toBe(made.name);
  const name = `${made.name} Jr.`;
  await onWriter(() => made.update({ name }));
  expect((await onReaders(() => authors.findOne({ where: { name } })))?.id).toBe(made.id);
  await onWriter(() => made.destroy());
  expect(await authors.findByPk(made.id)).toBeNull();
});

shows("crud", "finds or creates, upserts and increments on the writer", async () => {
  const { authors, books } = await open(shop.options(), { pool: { max: 1 } });
  const name = randomUUID();
  const [made, isNew] = await onWriter(() => authors.findOrCreate({ where: { name } }));
  const [found, isNewAgain] = await authors.findOrCreate({ where: { name } });
  expect([isNew, isNewAgain, found.id]).toEqual([true, false, made.id]);
  const [created] = await authors.findCreateFind({ where: { name: `${name} Jr.` } });
  await onWriter(() => authors.upsert({ id: created.id, name: `${name} III` }));
  const book = await books.create({ title: "Eden", author_id: made.id });
  await onWriter(() => book.increment("author_id", { by: 0 }));
  expect(await onReaders(() => authors.count({ where: { name: `${name} III` } }))).toBe(1);
});
shows("relations", "includes on a reader, joined and query by query", async () => {
  const { authors, books } = await open();
  const author = await newAuthor(authors);
  const rows = ["Solaris", "Fiasco"].map((title) => ({ title, author_id: author.id }));
  await onWriter(() => books.bulkCreate(rows));
  for (const separate of [false, true]) {
    const found = await onReaders(() =>
      authors.findByPk(author.id, { include: { association: "books", separate } }),
    );
    expect(found?.books?.map(({ title }) => title).sort()).toEqual(["Fiasco", "Solaris"]);
  }
  const page = await onReaders(() =>
    books.findAndCountAll({
      where: { author_id: author.id },
      include: { association: "author", required: true },
      limit: 1,
    }),
  );
  expect([page.count, page.rows[0]?.author?.name]).toEqual([2, author.name]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const { authors } = await open();
  for (let turn = 0; turn < 5; turn++) {
    const { name } = await newAuthor(authors);
    expect((await authors.findOne({ where: { name } }))?.name).toBe(name);
  }
});

shows("transactions", "runs one on the writer, and undoes one that fails", async () => {
  const { sequelize, authors } = await open();
  const name = randomUUID();
  const failed = onWriter(() =>
    sequelize.transaction(async (transaction) => {
      await authors.create({ name }, { transaction });
      expect(await authors.count({ where: { name }, transaction })).toBe(1);
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await authors.count({ where: { name } })).toBe(0);
});

shows("transactions", "commits one by hand, with rows locked", async () => {
  const { sequelize, authors } = await open();
  const { id } = await newAuthor(authors);
  const name = randomUUID();
  await onWriter(async () => {
    const transaction = await sequelize.transaction();
    const author = await authors.findByPk(id, { transaction, lock: transaction.LOCK.UPDATE });
    await author?.update({ name }, { transaction });
    await transaction.commit();
  });
  expect(await onReaders(() => authors.count({ where: { name } }))).toBe(1);
});

shows("nested", "nests transactions as savepoints", async () => {
  const { sequelize, authors } = await open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  await onWriter(() =>
    sequelize.transaction(async (transaction) => {
      await authors.create({ name: outer }, { transaction });
      const failed = sequelize.transaction({ transaction }, async (nested) => {
        await authors.create({ name: inner }, { transaction: nested });
        throw new Error("inner");
      });
      expect((await rejection(failed)).message).toBe("inner");
    }),
  );
  const found = await authors.findAll({ where: { name: [outer, inner] } });
  expect(found.map(({ name }) => name)).toEqual([outer]);
});

shows("isolation", "sets the isolation level", async () => {
  const { sequelize } = await open();
  const isolationLevel = Transaction.ISOLATION_LEVELS.SERIALIZABLE;
  const level = await onWriter(() =>
    sequelize.transaction({ isolationLevel }, (transaction) =>
      sequelize.query("show transaction_isolation", { type: QueryTypes.SELECT, transaction }),
    ),
  );
  expect(level).toEqual([{ transaction_isolation: "serializable" }]);
});

interface StartsTransactions {
  startTransactionQuery(transaction: object): string;
}

/** Has `readOnly` said to PostgreSQL, which Sequelize itself only chooses one of its pools by. */
function sayReadOnly(sequelize: Sequelize): void {
  const generator = sequelize.getQueryInterface().queryGenerator as StartsTransactions;
  const start = generator.startTransactionQuery;
  generator.startTransactionQuery = (transaction) => {
    const { parent, options } = transaction as Partial<
      Record<"parent" | "options", { readOnly?: boolean }>
    >;
    const isReadOnly = parent === undefined && options?.readOnly === true;
    return isReadOnly ? "START TRANSACTION READ ONLY;" : start.call(generator, transaction);
  };
}

shows("readOnly", "runs a READ ONLY transaction on a reader, where that is said", async () => {
  const { sequelize, authors } = await open();
  const { id, name } = await newAuthor(authors);
  const read = (isolationLevel?: Transaction.ISOLATION_LEVELS) =>
    sequelize.transaction(
      { readOnly: true, ...(isolationLevel && { isolationLevel }) },
      (transaction) => authors.findByPk(id, { transaction }),
    );
  expect((await onWriter(() => read()))?.name).toBe(name);
  sayReadOnly(sequelize);
  expect((await onReaders(() => read()))?.name).toBe(name);
  const snapshot = Transaction.ISOLATION_LEVELS.REPEATABLE_READ;
  expect((await onReaders(() => read(snapshot)))?.name).toBe(name);
  await onWriter(() => sequelize.transaction((transaction) => authors.count({ transaction })));
});

shows("raw", "sends raw SQL where it belongs", async () => {
  const { sequelize, authors } = await open();
  const type = QueryTypes.SELECT;
  await onReaders(() =>
    sequelize.query("select count(*) from authors where name <> ?", { type, replacements: ["x"] }),
  );
  await onReaders(() =>
    sequelize.query("select count(*) from authors where name <> $1", { type, bind: ["x"] }),
  );
  await onReaders(() =>
    authors.findAll({ attributes: [[Sequelize.literal("count(*)"), "n"]], raw: true }),
  );
  await onWriter(() => sequelize.query("select nextval('authors_id_seq')"));
  await onWriter(() => sequelize.query("select id from authors for update limit 1", { type }));
});

shows("migrations", "syncs models, and goes on reading from readers", async () => {
  const { sequelize, authors } = await open(shop.options(), { pool: { max: 1 } });
  const name = `made_${randomUUID()}`;
  const made = sequelize.define(name, { mood: DataTypes.ENUM("glad", "sad") });
  const { ran } = await watch(() => made.sync());
  expect(ran.readers.filter((text) => /^(do|create)/i.test(text))).toEqual([]);
  expect(ran.writer.some((text) => text.startsWith("DO 'BEGIN CREATE TYPE"))).toBe(true);
  await made.create({ mood: "glad" });
  const again = sequelize.define(name, {
    mood: DataTypes.ENUM("glad", "sad", "both"),
    note: DataTypes.TEXT,
  });
  await again.sync({ alter: true });
  await again.create({ mood: "both", note: "it has come" });
  await until("a reader is no longer known to be behind", async () => {
    const { ran } = await watch(() => sequelize.query("select 1"));
    return ran.writer.length === 0;
  });
  expect(await onReaders(() => again.count({ where: { mood: ["glad", "both"] } }))).toBe(2);
  await onReaders(() => authors.count());
  await made.drop({});
});

shows("migrations", "migrates by its query interface, in a transaction", async () => {
  const { sequelize } = await open();
  const on = sequelize.getQueryInterface();
  const table = `made_${randomUUID()}`;
  await onWriter(() =>
    sequelize.transaction(async (transaction) => {
      const id = { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true };
      await on.createTable(table, { id }, { transaction });
      await on.addColumn(table, "note", { type: DataTypes.TEXT }, { transaction });
      await on.addIndex(table, ["note"], { transaction });
      await on.bulkInsert(table, [{ note: "first" }], { transaction });
    }),
  );
  await onReaders(() =>
    sequelize.query(`select note from "${table}"`, { type: QueryTypes.SELECT }),
  );
  expect(Object.keys(await on.describeTable(table))).toEqual(["id", "note"]);
  await on.dropTable(table);
});

shows("errors", "fails with errors of its own", async () => {
  const { authors } = await open();
  const { name } = await newAuthor(authors);
  const error = await rejection(authors.create({ name }));
  expect(error).toBeInstanceOf(UniqueConstraintError);
  expect(error).toMatchObject({ fields: { name }, parent: { constraint: "authors_name_key" } });
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const { sequelize } = await open({ ...shop.shopperOptions(), max: 2 }, { pool: { max: 2 } });
  sayReadOnly(sequelize);
  const type = QueryTypes.SELECT;
  // Each Client that is opened is set up on the writer.
  await Promise.all([1, 2].map(() => sequelize.query("select pg_sleep(0.1)")));
  const notesOf = (tenant: string) =>
    sequelize.transaction({ readOnly: true }, async (transaction) => {
      const set = "select set_config('app.tenant', $1, true)";
      await sequelize.query(set, { type, bind: [tenant], transaction });
      const notes = await sequelize.query<{ body: string }>("select * from notes", {
        type,
        transaction,
      });
      return notes.map(({ body }) => body);
    });
  const tenants = ["north", "south", "nobody", "south", "north"];
  const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
  expect(found).toEqual([["of north"], ["of south"], [], ["of south"], ["of north"]]);
  const others = await onReaders(() =>
    Promise.all([1, 2, 3].map(() => sequelize.query("select * from notes", { type }))),
  );
  expect(others).toEqual([[], [], []]);
});

shows("events", "has its hooks called for each connection and query", async () => {
  const { sequelize, authors } = await open();
  const told: string[] = [];
  const tell = (what: string): void => {
    told.push(what);
  };
  sequelize.addHook("beforePoolAcquire", () => tell("acquire"));
  sequelize.addHook("afterPoolAcquire", () => tell("acquired"));
  sequelize.addHook("afterQuery", () => tell("queried"));
  await authors.count();
  expect(told).toEqual(["acquire", "acquired", "queried"]);
});

shows("shutdown", "closes without leaving anything", async () => {
  const application_name = randomUUID();
  const { sequelize, authors } = await open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(authors), authors.count()]);
  await sequelize.close();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});

it("keeps the time zone that it was given, on readers too", async () => {
  const { sequelize } = await open(shop.options(), { timezone: "+09:00" });
  const query = "select '2026-01-01 00:00+00'::timestamptz::text as at";
  const rows = await onReaders(() => sequelize.query(query, { type: QueryTypes.SELECT }));
  expect(rows).toEqual([{ at: "2026-01-01 09:00:00+09" }]);
});

it("goes on reading from readers after a text that is too long to be looked into", async () => {
  const { authors } = await open(shop.options(), { pool: { max: 1 } });
  const names = Array.from({ length: 3000 }, (_, at) => ({ name: `${randomUUID()} ${at}` }));
  await authors.bulkCreate(names);
  await onReaders(() => authors.count());
});

it("holds no connections with a pool of Clients that is idle", async () => {
  const application_name = randomUUID();
  const options = { ...shop.options(), application_name, idleTimeoutMillis: 200 };
  const { authors } = await open(options, { pool: { max: 20, min: 20, idle: 60_000 } });
  await Promise.all(Array.from({ length: 60 }, () => authors.count()));
  await until(
    "none is left",
    async () => (await allConnectionsOf(shop, { application_name })) === 0,
  );
  await authors.count();
});

it("tells that nobody answers", async () => {
  const sequelize = new Sequelize("postgres://app@127.0.0.1:1/shop", {
    dialect: "postgres",
    dialectModule: withOptions({}),
    logging: false,
  });
  await expect(sequelize.authenticate()).rejects.toMatchObject({
    name: "SequelizeConnectionRefusedError",
  });
});
