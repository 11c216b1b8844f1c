import { PrismaPg } from "@prisma/adapter-pg";
import { ConfigError, type Pool, type Session, withFreshness, withWriter } from "pointsman";
import { type PrismaRouting, pointsman } from "pointsman/prisma";
import { captureQueries } from "pointsman/testing";
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import {
  type GeneratedPrisma,
  generatePrismaClient,
  type PrismaModel,
  type PrismaOf,
} from "../support/prisma-client.ts";
import { rejection } from "../support/waiting.ts";

// What Prisma reads of books, it reads of a view that tells where it was read.
const local = localCluster({
  readers: 1,
  schema: `
    create table written (id int primary key, title text not null, author_id int);
    create view authors as select 1 as id, ${here} as server;
    create view books as select *, ${here} as server from written;
    insert into written values (1, 'Kindred', 1), (2, 'Dawn', 1), (3, 'Fledgling', 1);`,
});

interface Author {
  id: number;
  server: string;
  books?: Book[];
}

interface Book {
  id: number;
  server: string;
  author?: Author;
}

interface Models {
  readonly author: PrismaModel<Author>;
  readonly book: PrismaModel<Book>;
  readonly written: PrismaModel<{ id: number; title: string }>;
}

type Routed = PrismaOf<Models> & PrismaRouting;

let generated: GeneratedPrisma<Models>;

beforeAll(async () => {
  generated = await generatePrismaClient<Models>(`
    model Author {
      id     Int    @id
      server String
      books  Book[]
      @@map("authors")
    }
    model Book {
      id       Int     @id
      server   String
      authorId Int?    @map("author_id")
      author   Author? @relation(fields: [authorId], references: [id])
      @@map("books")
    }
    model Written {
      id    Int    @id
      title String
      @@map("written")
    }`);
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

function plain(pool: Pool): PrismaOf<Models> {
  const prisma = new generated.PrismaClient({ adapter: new PrismaPg(pool) });
  onTestFinished(() => prisma.$disconnect());
  return prisma;
}

const open = (pool = local.pool()) => plain(pool).$extends<Routed>(pointsman());

const byId = (id: number) => ({ where: { id } });

/** One query of each kind of read that Prisma has, telling where it ran. */
const kinds: Record<string, (prisma: PrismaOf<Models>) => PromiseLike<unknown>> = {
  findUnique: async ({ book }) => (await book.findUnique(byId(1)))?.server,
  findUniqueOrThrow: async ({ book }) => (await book.findUniqueOrThrow(byId(1))).server,
  findFirst: async ({ book }) => (await book.findFirst())?.server,
  findMany: async ({ book }) => (await book.findMany())[0]?.server,
  "findMany of two tables": async ({ author }) => {
    const found = await author.findMany({ include: { books: true } });
    const places = found.flatMap((one) => [one, ...(one.books ?? [])]).map(({ server }) => server);
    return [...new Set(places)].join();
  },
  count: async ({ book }) =>
    (await book.count({ where: { server: "writer" } })) === 3 ? "writer" : "reader1",
  aggregate: async ({ book }) =>
    (await book.aggregate({ _max: { server: true } }))["_max"]?.["server"],
  groupBy: async ({ book }) => (await book.groupBy({ by: ["server"] }))[0]?.server,
  $queryRaw: async (prisma) =>
    (await prisma.$queryRaw<Book[]>`select server from books where id = ${1}`)[0]?.server,
  $queryRawUnsafe: async (prisma) =>
    (await prisma.$queryRawUnsafe<Book[]>(`select ${here} as server`))[0]?.server,
};

describe.each(Object.entries(kinds))("Prisma: %s", (_, ask) => {
  it("goes to a reader as ever, and to the writer through $writer()", async () => {
    const prisma = open();
    const places = [await ask(prisma), await ask(prisma.$writer()), await ask(prisma)];
    expect(places).toEqual(["reader1", "writer", "reader1"]);
  });
});

describe("Prisma: $writer()", () => {
  it("writes, and reads what it wrote", async () => {
    const { written } = open().$writer();
    await written.create({ data: { id: 20, title: "new" } });
    await written.update({ where: { id: 20 }, data: { title: "newer" } });
    const found = await written.findUnique(byId(20));
    await written.delete(byId(20));
    expect([found, await written.count({ where: { id: 20 } })]).toEqual([
      { id: 20, title: "newer" },
      0,
    ]);
  });

  it("runs both kinds of transactions, and rolls them back", async () => {
    const prisma = open().$writer();
    const create = () => prisma.written.create({ data: { id: 21, title: "twice" } });
    const failures = [
      await rejection(prisma.$transaction([create(), create()])),
      await rejection(
        prisma.$transaction(async (tx) => {
          await tx.written.create({ data: { id: 21, title: "inside" } });
          throw new Error(`on ${(await tx.book.findFirst())?.server}`);
        }),
      ),
    ];
    const left = await prisma.written.count({ where: { id: 21 } });
    expect([failures.map(({ code, message }) => code ?? message), left]).toEqual([
      ["P2002", "on writer"],
      0,
    ]);
  });

  it("is there inside of a transaction, where it changes nothing", async () => {
    const place = await open().$transaction((tx) =>
      Promise.resolve(kinds["findFirst"]?.((tx as Routed).$writer())),
    );
    expect(place).toBe("writer");
  });

  it("fails as Prisma does", async () => {
    const missing = await rejection(
      Promise.resolve(open().$writer().written.findUniqueOrThrow(byId(99))),
    );
    expect([
      missing instanceof generated.Prisma.PrismaClientKnownRequestError,
      missing.code,
    ]).toEqual([true, "P2025"]);
  });
});

describe("Prisma: $freshness()", () => {
  it("says how fresh reads must be, and whether they wait for what was written", async () => {
    const prisma = open();
    await local.cluster.lag(300);
    onTestFinished(() => local.cluster.lag(0));
    await prisma.written.create({ data: { id: 30, title: "just now" } });
    const places = [
      await kinds["findMany"]?.(prisma.$freshness({ consistency: "strong" })),
      await kinds["findMany"]?.(prisma.$freshness({ consistency: "eventual" })),
      await kinds["findMany"]?.(prisma),
    ];
    await prisma.written.delete(byId(30));
    expect(places).toEqual(["writer", "reader1", "writer"]);
  });

  it("refuses what is none at once", () => {
    const prisma = open();
    expect(() => prisma.$freshness({ maxStaleness: "soon" as never })).toThrow(ConfigError);
  });
});

describe("Prisma: queries of one turn", () => {
  it("are each sent in the scope of its caller, whoever asks first", async () => {
    const { book } = open();
    const find = () => book.findUnique(byId(1));
    const found = await Promise.all([
      find(),
      withWriter(find),
      withFreshness({ consistency: "eventual" }, find),
      withFreshness({ consistency: "strong" }, find),
      find(),
    ]);
    expect(found.map((one) => one?.server)).toEqual([
      "reader1",
      "writer",
      "reader1",
      "writer",
      "reader1",
    ]);
  });

  it("are still one query when their scopes mean the same", async () => {
    const pool = local.pool();
    const prisma = open(pool);
    const { book } = prisma;
    const queries = await captureQueries(pool, () =>
      Promise.all([
        ...[1, 2].map((id) => withWriter(() => book.findUnique(byId(id)))),
        prisma.$writer().book.findUnique(byId(3)),
      ]),
    );
    expect(queries.map(({ target }) => target)).toEqual(["writer"]);
  });

  it("count for the session that sends them, transactions too", async () => {
    const pool = local.pool();
    const prisma = open(pool);
    const sessions: Session[] = [];
    const inSession = (work: () => PromiseLike<unknown>) =>
      pool.session((session) => {
        sessions.push(session);
        return work();
      });
    await Promise.all([
      inSession(() => prisma.book.findUnique(byId(1))),
      inSession(() =>
        prisma.$transaction([prisma.written.create({ data: { id: 40, title: "mine" } })]),
      ),
    ]);
    expect(sessions.map(({ changed }) => changed)).toEqual([false, true]);
  });

  it("are kept apart for all that stands on one client, however often it is extended", async () => {
    const prisma = plain(local.pool());
    const twice = prisma.$extends<Routed>(pointsman()).$extends<Routed>(pointsman());
    const find = () => prisma.book.findUnique(byId(1));
    const found = await Promise.all([
      find(),
      withWriter(find),
      twice.$writer().book.findUnique(byId(2)),
    ]);
    expect(found.map((one) => one?.server)).toEqual(["reader1", "writer", "writer"]);
  });
});

it("Prisma: what is no client of it is refused", () => {
  expect(() => pointsman()({})).toThrow("This is no client of Prisma that is known here");
});
