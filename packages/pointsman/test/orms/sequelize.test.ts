import { randomUUID } from "node:crypto";
import type { PoolOptions } from "pointsman";
import { withOptions } from "pointsman/pg";
import {
  DataTypes,
  type Model,
  type ModelStatic,
  type Options,
  QueryTypes,
  Sequelize,
  Transaction,
  UniqueConstraintError,
} from "sequelize";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { here, localCluster } from "../support/local-cluster.ts";
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

interface Shop {
  readonly sequelize: Sequelize;
  readonly authors: ModelStatic<Model>;
  readonly books: ModelStatic<Model>;
  readonly application_name: string;
}

/** Sequelize on the module in the place of pg, with options that it would not hand on. */
function open(options: Options = {}, own: PoolOptions = {}): Shop {
  const application_name = randomUUID();
  const { writer, reader } = local.cluster;
  const sequelize = new Sequelize(writer.url, {
    dialect: "postgres",
    dialectModule: withOptions({ reader: reader.url, catalog: false, application_name, ...own }),
    logging: false,
    ...options,
  });
  onTestFinished(() => sequelize.close());
  const settings = { timestamps: false, underscored: true };
  const authors = sequelize.define("authors", { name: DataTypes.TEXT }, settings);
  const books = sequelize.define("books", { title: DataTypes.TEXT }, settings);
  authors.hasMany(books);
  books.belongsTo(authors);
  return { sequelize, authors, books, application_name };
}

/** What a read of a model is asked besides: which server runs it. */
const server = [Sequelize.literal(here), "server"] as [
  ReturnType<typeof Sequelize.literal>,
  string,
];

describe("Sequelize on pointsman/pg", () => {
  it("reads from readers, though it has set its connections up with SET", async () => {
    const { authors } = open();
    await until("reads are on a reader", async () => {
      const [found] = await authors.findAll({ attributes: [server], limit: 1 });
      return found === undefined || reader.test(String(found.get("server")));
    });
    await authors.create({ name: "Read on a reader" });
    await until("it is there", async () => {
      const found = await authors.findOne({
        where: { name: "Read on a reader" },
        attributes: { include: [server] },
      });
      return found !== null && reader.test(String(found.get("server")));
    });
  });

  it("creates, reads, updates and deletes, and reads what it wrote", async () => {
    const { authors } = open();
    const made = await authors.create({ name: "Octavia Butler" });
    const read = await authors.findByPk(made.get("id") as number);
    await made.update({ name: "Octavia E. Butler" });
    const updated = await authors.findByPk(made.get("id") as number);
    await made.destroy();
    const gone = await authors.findByPk(made.get("id") as number);
    expect([read?.get("name"), updated?.get("name"), gone]).toEqual([
      "Octavia Butler",
      "Octavia E. Butler",
      null,
    ]);
  });

  it("joins, on a reader once it has caught up", async () => {
    const { authors, books } = open();
    const author = await authors.create({ name: "Stanisław Lem" });
    await books.bulkCreate(
      ["Solaris", "Fiasco"].map((title) => ({ title, authorId: author.get("id") })),
    );
    await local.cluster.waitForReplay();
    const found = await authors.findOne({
      where: { name: "Stanisław Lem" },
      attributes: { include: [server] },
      include: books,
    });
    const titles = (found?.get("books") as Model[] | undefined)?.map((book) => book.get("title"));
    expect([titles?.sort(), String(found?.get("server"))]).toEqual([
      ["Fiasco", "Solaris"],
      expect.stringMatching(reader),
    ]);
  });

  it("runs a transaction on the writer as a whole, rolled back by what it throws", async () => {
    const { sequelize, authors } = open();
    const places: unknown[] = [];
    const failed = sequelize.transaction(async (transaction) => {
      await authors.create({ name: "Nobody" }, { transaction });
      const found = await authors.findOne({
        where: { name: "Nobody" },
        attributes: { include: [server] },
        transaction,
      });
      places.push(found?.get("server"));
      throw new Error("not this");
    });
    await expect(failed).rejects.toThrow("not this");
    expect([places, await authors.count({ where: { name: "Nobody" } })]).toEqual([["writer"], 0]);
  });

  it("nests transactions as savepoints, and sets isolation levels", async () => {
    const { sequelize, authors } = open();
    const level = await sequelize.transaction(
      { isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE },
      async (transaction) => {
        await authors.create({ name: "Outer" }, { transaction });
        await sequelize
          .transaction({ transaction }, async (inner) => {
            await authors.create({ name: "Inner" }, { transaction: inner });
            throw new Error("inner");
          })
          .catch(() => {});
        const [row] = await sequelize.query("show transaction_isolation", {
          type: QueryTypes.SELECT,
          transaction,
        });
        return row;
      },
    );
    const names = await authors.findAll({ where: { name: ["Outer", "Inner"] } });
    expect([level, names.map((one) => one.get("name"))]).toEqual([
      { transaction_isolation: "serializable" },
      ["Outer"],
    ]);
  });

  it("fails with errors of its own", async () => {
    const { authors } = open();
    await authors.create({ name: "Twice" });
    await expect(authors.create({ name: "Twice" })).rejects.toThrow(UniqueConstraintError);
  });

  it("sends raw statements where they belong", async () => {
    const { sequelize } = open();
    const [read] = await sequelize.query(`select ${here} as server`, { type: QueryTypes.SELECT });
    const [locked] = await sequelize.query(
      `select ${here} as server from authors for update limit 1`,
      { type: QueryTypes.SELECT },
    );
    await sequelize.query("select nextval('authors_id_seq')");
    expect([read, locked ?? { server: "writer" }]).toEqual([
      { server: expect.stringMatching(reader) },
      { server: "writer" },
    ]);
  });

  it("keeps the time zone that it was given, on readers too", async () => {
    const { sequelize } = open({ timezone: "+09:00" });
    const [row] = await sequelize.query(`show time zone`, { type: QueryTypes.SELECT });
    const [place] = await sequelize.query(
      `select ${here} as server, '2026-01-01 00:00+00'::timestamptz::text as at`,
      { type: QueryTypes.SELECT },
    );
    expect([row, place]).toEqual([
      { TimeZone: "<+09>-09" },
      { server: expect.stringMatching(reader), at: "2026-01-01 09:00:00+09" },
    ]);
  });

  it("makes tables", async () => {
    const { sequelize } = open();
    const made = sequelize.define("made", { name: DataTypes.ENUM("a", "b") });
    await made.sync();
    await made.create({ name: "b" });
    expect(await made.count()).toBe(1);
    await made.drop({});
  });

  it("goes on reading from readers after a text that is too long to be looked into", async () => {
    const { sequelize, authors } = open({ pool: { max: 1 } });
    const names = Array.from({ length: 3000 }, (_, at) => ({ name: `${randomUUID()} ${at}` }));
    await authors.bulkCreate(names);
    await until("reads are on a reader", async () => {
      const [row] = await sequelize.query<{ server: string }>(`select ${here} as server`, {
        type: QueryTypes.SELECT,
      });
      return row !== undefined && reader.test(row.server);
    });
  });

  it("holds no connections with a pool of Clients that is idle", async () => {
    const pool = { max: 20, min: 20, idle: 60_000 };
    const { authors, application_name } = open({ pool }, { idleTimeoutMillis: 200 });
    await Promise.all(Array.from({ length: 60 }, () => authors.count()));
    await until(
      "none is left",
      async () => (await allConnectionsOf(local, { application_name })) === 0,
    );
    await authors.count();
  });

  it("closes without leaving anything", async () => {
    const { sequelize, authors, application_name } = open();
    await Promise.all([authors.count(), authors.count()]);
    await sequelize.close();
    expect(await allConnectionsOf(local, { application_name })).toBe(0);
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
});
