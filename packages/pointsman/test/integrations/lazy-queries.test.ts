import { Readable } from "node:stream";
import {
  EntitySchema,
  knex as knexOfMikroOrm,
  MikroORM,
  PostgreSqlKnexDialect,
} from "@mikro-orm/postgresql";
import { PrismaPg } from "@prisma/adapter-pg";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { type Knex, knex } from "knex";
import PostgresClient from "knex/lib/dialects/postgres/index.js";
import { Kysely, PostgresDialect, sql as raw } from "kysely";
import { Model } from "objection";
import Cursor from "pg-cursor";
import {
  onWriter,
  outsideTransaction,
  type Pool,
  type Session,
  withFreshness,
  withWriter,
} from "pointsman";
import driver from "pointsman/pg";
import { captureQueries } from "pointsman/testing";
import { beforeAll, beforeEach, describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { generatePrismaClient, type PrismaModel, type PrismaOf } from "../support/prisma-client.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Kindred');`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const books = pgTable("books", { id: integer().primaryKey(), title: text() });

interface Row {
  server: string;
}

const serverOf = (rows: readonly Partial<Row>[]): string => rows[0]?.server ?? "nowhere";

interface Models {
  readonly book: PrismaModel<{ id: number; title: string }>;
}

let prismaOn: (pool: Pool) => PrismaOf<Models>;

beforeAll(async () => {
  const { PrismaClient } = await generatePrismaClient<Models>(`
    model Book {
      id Int @id
      title String
      @@map("books")
    }`);
  prismaOn = (pool) => {
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
    onTestFinished(() => prisma.$disconnect());
    return prisma;
  };
});

const openDrizzle = () => drizzle(local.pool(), { schema: { books } });

class RoutedClient extends PostgresClient {
  override _driver(): object {
    return driver;
  }
}

/** Knex's client for PostgreSQL, as MikroORM extends it, on the module in the place of pg. */
class RoutedDialect extends PostgreSqlKnexDialect {
  _driver(): object {
    return driver;
  }
}

/** Configuration of a Knex whose connections are Clients. */
function routed(client: unknown): { client: never; connection: object } {
  const { writer, reader } = local.cluster;
  const connection = { connectionString: writer.url, reader: reader.url, catalog: false };
  return { client: client as never, connection };
}

function openKnex(): Knex {
  const db = knex(routed(RoutedClient));
  onTestFinished(() => db.destroy());
  return db;
}

/** What makes a query that tells where it ran, for each ORM whose queries are lazy. */
const lazy: Record<string, () => Promise<() => PromiseLike<unknown>>> = {
  "Drizzle's builders": async () => {
    const db = openDrizzle();
    return () => db.select({ server: sql<string>`${sql.raw(here)}` }).from(books);
  },
  "Drizzle's relational queries": async () => {
    const db = openDrizzle();
    const extras = { server: sql<string>`${sql.raw(here)}`.as("server") };
    return () => db.query.books.findMany({ extras });
  },
  "Drizzle's execute()": async () => {
    const db = openDrizzle();
    return () => db.execute(sql.raw(`select ${here} as server`));
  },
  "Knex's builders": async () => {
    const db = openKnex();
    return () => db("books").select(db.raw(`${here} as server`));
  },
  "Knex's raw()": async () => {
    const db = openKnex();
    return () => db.raw(`select ${here} as server`);
  },
  "Objection's builders": async () => {
    const db = openKnex();
    class Book extends Model {
      static override tableName = "books";
    }
    return () => Book.query(db).select(db.raw(`${here} as server`));
  },
  "Prisma's queries": async () => {
    const prisma = prismaOn(local.pool());
    return () => prisma.$queryRawUnsafe(`select ${here} as server`);
  },
  "MikroORM's builders": async () => {
    const Book = new EntitySchema<{ id: number; server: string }>({
      name: "Book",
      tableName: "books",
      properties: {
        id: { type: "number", primary: true },
        server: { type: "string", formula: here },
      },
    });
    const orm = await MikroORM.init({
      entities: [Book],
      dbName: "postgres",
      driverOptions: knexOfMikroOrm(routed(RoutedDialect)),
      connect: false,
    });
    onTestFinished(() => orm.close());
    // Its types are none of a PromiseLike.
    return () => orm.em.fork().createQueryBuilder(Book, "book").select("*") as PromiseLike<unknown>;
  },
};

const placeOf = (answer: unknown): string =>
  serverOf(Array.isArray(answer) ? answer : (answer as { rows: Row[] }).rows);

describe.each(Object.entries(lazy))("%s", (_, open) => {
  it("are sent where they are awaited, to a reader", async () => {
    const query = await open();
    expect(placeOf(await query())).toBe("reader1");
  });

  it("are sent to the writer when withWriter() returns them", async () => {
    const query = await open();
    expect(placeOf(await withWriter(query))).toBe("writer");
  });

  it("are as fresh as withFreshness() says when that returns them", async () => {
    const query = await open();
    expect(placeOf(await withFreshness({ consistency: "strong" }, query))).toBe("writer");
  });
});

describe("a scope", () => {
  const insert = (id: number) => openDrizzle().insert(books).values({ id, title: "new" });
  const titles = async (id: number): Promise<unknown[]> =>
    (await (await local.connect()).query("select title from books where id = $1", [id])).rows;

  it("sends a lazy query once, and gives its rows as a promise", async () => {
    const sent = withWriter(() => insert(10).returning());
    const isPromise = sent instanceof Promise;
    const rows = [await sent, await sent];
    expect([isPromise, rows]).toEqual([
      true,
      [[{ id: 10, title: "new" }], [{ id: 10, title: "new" }]],
    ]);
  });

  it("has the type of what it gives", () => {
    const select = () => openDrizzle().select().from(books);
    const both = <T>(value: T): T => withWriter(() => value);
    expectTypeOf(() => withWriter(select)).returns.resolves.toEqualTypeOf<
      { id: number; title: string | null }[]
    >();
    expectTypeOf(() => withWriter(async () => 7)).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(() => withWriter(() => 7)).returns.toEqualTypeOf<number>();
    expectTypeOf(() => withWriter(() => JSON.parse("{}"))).returns.toBeAny();
    expectTypeOf(() => both<number>(7)).returns.toEqualTypeOf<number>();
  });

  it("passes on what a lazy query fails with", async () => {
    await insert(11);
    const error = await rejection(withWriter(() => insert(11)));
    expect(error.cause).toMatchObject({ code: "23505" });
  });

  it("rejects where asking a lazy query for its answer throws", async () => {
    const broken = {
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      then: () => {
        throw new Error("not even asked");
      },
    };
    await expect(withWriter(() => broken)).rejects.toThrow("not even asked");
  });

  it("gives back promises, streams and everything else as they are", () => {
    const things = [Promise.resolve(1), Readable.from([1]), { rows: [] }, [1], null, 7, () => {}];
    for (const thing of things) expect(withWriter(() => thing)).toBe(thing);
  });

  it("of onWriter() sends lazy queries to the writer", async () => {
    const db = openDrizzle();
    const find = onWriter(() => db.select({ server: sql<string>`${sql.raw(here)}` }).from(books));
    expect(serverOf(await find())).toBe("writer");
  });

  it("of a session counts what a lazy query writes", async () => {
    const pool = local.pool();
    let session: Session | undefined;
    await pool.session((opened) => {
      session = opened;
      return drizzle(pool).insert(books).values({ id: 12 });
    });
    expect(session?.changed).toBe(true);
  });

  it("of a transaction has lazy queries in it", async () => {
    const pool = local.pool();
    const db = drizzle(pool);
    const write = () => db.insert(books).values({ id: 13 });
    const error = await rejection(pool.transaction(write, { readOnly: true }));
    expect(error.cause).toMatchObject({ code: "25006" });
  });

  it("of outsideTransaction() has lazy queries outside of it", async () => {
    const pool = local.pool();
    const db = drizzle(pool);
    const failing = pool.transaction(async () => {
      await outsideTransaction(() => db.insert(books).values({ id: 14, title: "stays" }));
      throw new Error("rolled back");
    });
    await rejection(failing);
    expect(await titles(14)).toEqual([{ title: "stays" }]);
  });

  it("of captureQueries() sees lazy queries", async () => {
    const pool = local.pool();
    const db = drizzle(pool);
    const queries = await captureQueries(pool, () => db.select().from(books));
    expect(queries.map(({ target }) => target)).toEqual(["reader"]);
  });
});

describe("an async iterator out of a scope", () => {
  it("is made in it, step by step, as a stream of Kysely", async () => {
    const dialect = new PostgresDialect({ pool: local.pool(), cursor: Cursor as never });
    const db = new Kysely<{ books: { id: number } }>({ dialect });
    const stream = () =>
      db
        .selectFrom("books")
        .select(raw<string>`${raw.raw(here)}`.as("server"))
        .stream();
    const places = new Set<string>();
    for await (const { server } of stream()) places.add(server);
    for await (const { server } of withWriter(stream)) places.add(server);
    expect([...places]).toEqual(["reader1", "writer"]);
  });

  it("takes values, throws and ends like any other", async () => {
    const heard: unknown[] = [];
    async function* work(): AsyncGenerator<number, string, string> {
      try {
        heard.push(yield 1);
        heard.push(yield 2);
      } catch (error) {
        heard.push((error as Error).message);
      } finally {
        heard.push("over");
      }
      return "end";
    }
    const steps = withWriter(work);
    const answers = [
      await steps.next("ignored"),
      await steps.next("told"),
      await steps.throw(new Error("enough")),
      await steps.return("late"),
    ];
    expect([answers.map(({ value }) => value), heard]).toEqual([
      [1, 2, "end", "late"],
      ["told", "enough", "over"],
    ]);
  });

  it("may be frozen", async () => {
    const pool = local.pool();
    const steps = Object.freeze({
      next: async () => ({ done: false, value: await pool.query(`select ${here} as server`) }),
      [Symbol.asyncIterator]() {
        return this;
      },
    });
    const { value } = await withWriter(() => steps)
      [Symbol.asyncIterator]()
      .next();
    expect(placeOf(value)).toBe("writer");
  });
});
