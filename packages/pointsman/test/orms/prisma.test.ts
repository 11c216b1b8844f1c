import { randomUUID } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { createPool } from "pointsman";
import { expect, it } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import {
  newAuthor,
  openPrisma,
  Prisma,
  PrismaClient,
  type Shop,
  shows,
} from "./support/prisma-shop.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter, watch } = shop;
const open = (options = shop.options()) => openPrisma(options);

const named = (prisma: Pick<Shop, "author">, name: string) =>
  prisma.author.findUnique({ where: { name } });

/** Prisma's queries are sent when they are awaited: here at once. */
const sent = async <T>(query: PromiseLike<T>): Promise<T> => query;

shows("crud", "creates, reads, updates and deletes", async () => {
  const { prisma } = open();
  const { id, name } = await onWriter(() => sent(newAuthor(prisma)));
  expect(await onReaders(() => sent(named(prisma, name)))).toEqual({ id, name });
  const renamed = `${name} Jr.`;
  await onWriter(() => sent(prisma.author.update({ where: { id }, data: { name: renamed } })));
  expect(await onReaders(() => sent(named(prisma, renamed)))).toEqual({ id, name: renamed });
  expect(await onWriter(() => sent(prisma.author.delete({ where: { id } })))).toMatchObject({ id });
});

shows("crud", "upserts and writes many on the writer", async () => {
  const { prisma } = open();
  const name = randomUUID();
  const upsert = () =>
    sent(prisma.author.upsert({ where: { name }, create: { name }, update: { name: `${name}!` } }));
  expect(await onWriter(upsert)).toMatchObject({ name });
  expect(await onWriter(upsert)).toMatchObject({ name: `${name}!` });
  const data = ["a", "b"].map((letter) => ({ name: `${name} ${letter}` }));
  expect(await onWriter(() => sent(prisma.author.createMany({ data })))).toEqual({ count: 2 });
  const where = { name: { startsWith: `${name} ` } };
  const update = { where, data: { name: { set: `${name} c` } } };
  expect((await rejection(sent(prisma.author.updateMany(update)))).code).toBe("P2002");
  expect(await onWriter(() => sent(prisma.author.deleteMany({ where })))).toEqual({ count: 2 });
});

shows("crud", "counts, groups and aggregates on readers", async () => {
  const { prisma } = open();
  const { id: authorId } = await newAuthor(prisma);
  await prisma.book.createMany({ data: ["Eden", "Fiasco"].map((title) => ({ title, authorId })) });
  const where = { authorId };
  expect(await onReaders(() => sent(prisma.book.count({ where })))).toBe(2);
  const grouped = { by: ["authorId"], where, _count: true };
  expect(await onReaders(() => sent(prisma.book.groupBy(grouped)))).toEqual([
    { authorId, _count: 2 },
  ]);
  const sum = { where, _sum: { authorId: true } };
  expect(await onReaders(() => sent(prisma.book.aggregate(sum)))).toEqual({
    _sum: { authorId: 2 * authorId },
  });
});

shows("crud", "sends the findUnique calls of one turn as one read", async () => {
  const { prisma } = open();
  const authors = [await newAuthor(prisma), await newAuthor(prisma)];
  await shop.cluster.waitForReplay();
  const { result, ran } = await watch(() =>
    Promise.all(authors.map(({ name }) => sent(named(prisma, name)))),
  );
  expect(result).toEqual(authors);
  expect([ran.writer.length, ran.readers.length]).toEqual([0, 1]);
});

shows("relations", "loads relations on readers, by a join and by queries", async () => {
  const { prisma } = open();
  const author = await newAuthor(prisma);
  await prisma.book.create({ data: { title: "Solaris", authorId: author.id } });
  for (const relationLoadStrategy of ["join", "query"]) {
    const found = await onReaders(() =>
      sent(
        prisma.author.findUniqueOrThrow({
          where: { id: author.id },
          include: { books: { include: { author: true } } },
          relationLoadStrategy,
        }),
      ),
    );
    expect(found.books).toMatchObject([{ title: "Solaris", author }]);
  }
});

shows("relations", "writes nested rows in one transaction on the writer", async () => {
  const { prisma } = open();
  const name = randomUUID();
  const titles = ["Eden", "Fiasco"];
  const { result, ran } = await watch(() =>
    sent(
      prisma.author.create({
        data: { name, books: { create: titles.map((title) => ({ title })) } },
        include: { books: true },
      }),
    ),
  );
  expect(result.books?.map(({ title }) => title)).toEqual(titles);
  expect(ran.readers).toEqual([]);
  expect([ran.writer.at(0), ran.writer.at(-1)]).toEqual(["BEGIN", "COMMIT"]);
});

shows("ownWrites", "reads what it has just written, while readers lag", async () => {
  const { prisma } = open();
  for (let turn = 0; turn < 5; turn++) {
    const { id, name } = await newAuthor(prisma);
    expect(await named(prisma, name)).toEqual({ id, name });
    await prisma.$transaction((tx) => sent(tx.author.delete({ where: { id } })));
    expect(await named(prisma, name)).toBeNull();
  }
});

shows("transactions", "runs a transaction on the writer, and undoes one that fails", async () => {
  const { prisma } = open();
  const name = randomUUID();
  const failed = onWriter(() =>
    prisma.$transaction(async (tx) => {
      await tx.author.create({ data: { name } });
      expect(await named(tx, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await named(prisma, name)).toBeNull();
  await onWriter(() => prisma.$transaction((tx) => sent(tx.author.create({ data: { name } }))));
  expect(await onReaders(() => sent(named(prisma, name)))).toMatchObject({ name });
});

shows("transactions", "runs a list of queries in one transaction on the writer", async () => {
  const { prisma } = open();
  const name = randomUUID();
  const create = () => prisma.author.create({ data: { name } });
  const failed = onWriter(() => prisma.$transaction([create(), create()]));
  expect((await rejection(failed)).code).toBe("P2002");
  expect(await named(prisma, name)).toBeNull();
  const done = onWriter(() => prisma.$transaction([create(), named(prisma, name)]));
  expect(await done).toMatchObject([{ name }, { name }]);
});

shows("nested", "goes back to a savepoint", async () => {
  const { prisma } = open();
  const [outer, inner] = [randomUUID(), randomUUID()];
  const { ran } = await watch(() =>
    prisma.$transaction(async (tx) => {
      await tx.author.create({ data: { name: outer } });
      const failed = tx.$transaction(async (nested) => {
        await nested.author.create({ data: { name: inner } });
        throw new Error("only this");
      });
      expect((await rejection(failed)).message).toBe("only this");
    }),
  );
  expect(ran.readers).toEqual([]);
  expect(ran.writer.some((text) => text.startsWith("ROLLBACK TO SAVEPOINT"))).toBe(true);
  expect([await named(prisma, outer), await named(prisma, inner)]).toEqual([
    expect.objectContaining({ name: outer }),
    null,
  ]);
});

shows("isolation", "sets the isolation level, of both kinds of transactions", async () => {
  const { prisma } = open();
  const show = (tx: Pick<Shop, "$queryRaw">) => tx.$queryRaw`show transaction_isolation`;
  const isolationLevel = "Serializable";
  const shown = [{ transaction_isolation: "serializable" }];
  expect(
    await onWriter(() => prisma.$transaction((tx) => sent(show(tx)), { isolationLevel })),
  ).toEqual(shown);
  const list = onWriter(() =>
    prisma.$transaction([show(prisma), show(prisma)], { isolationLevel }),
  );
  expect(await list).toEqual([shown, shown]);
});

shows("raw", "sends raw SQL where it belongs, whichever function it is given to", async () => {
  const { prisma } = open();
  const { id } = await newAuthor(prisma);
  const rows = await onReaders(() =>
    sent(prisma.$queryRaw`select count(*)::int as n from authors where id = ${id}`),
  );
  expect(rows).toEqual([{ n: 1 }]);
  const returned = await onWriter(() =>
    sent(prisma.$queryRaw`update authors set name = name where id = ${id} returning id`),
  );
  expect(returned).toEqual([{ id }]);
  const locked = prisma.$queryRaw`select id from authors where id = ${id} for update`;
  expect(await onWriter(() => sent(locked))).toEqual([{ id }]);
  await onWriter(() => sent(prisma.$queryRaw`select nextval('authors_id_seq')`));
  const update = prisma.$executeRaw`update authors set name = name where id = ${id}`;
  expect(await onWriter(() => sent(update))).toBe(1);
  const unsafe = prisma.$queryRawUnsafe("select id from authors where id = $1", id);
  expect(await onReaders(() => sent(unsafe))).toEqual([{ id }]);
});

shows("errors", "makes its own error of a unique violation", async () => {
  const { prisma } = open();
  const { name } = await newAuthor(prisma);
  const error = await rejection(sent(prisma.author.create({ data: { name } })));
  expect(error).toBeInstanceOf(Prisma.PrismaClientKnownRequestError);
  expect(error).toMatchObject({
    code: "P2002",
    meta: {
      modelName: "Author",
      driverAdapterError: { cause: { constraint: { index: "authors_name_key" } } },
    },
  });
  const missing = prisma.author.update({ where: { id: -1 }, data: { name } });
  expect(await rejection(sent(missing))).toMatchObject({ code: "P2025" });
  const raw = prisma.$queryRaw`select * from nowhere`;
  expect(await rejection(sent(raw))).toMatchObject({ code: "P2010" });
});

shows("errors", "hands the codes of this library on in its own error", async () => {
  const { prisma } = open({ ...shop.options(), readOnly: true });
  expect(await onReaders(() => sent(prisma.author.findFirst()))).toBeDefined();
  for (const failed of [newAuthor(prisma), prisma.$transaction((tx) => sent(newAuthor(tx)))]) {
    const error = await rejection(sent(failed));
    expect(error).toBeInstanceOf(Prisma.PrismaClientKnownRequestError);
    expect(error).toMatchObject({ code: "READ_ONLY_MODE" });
  }
});

shows("errors", "tells a serialisation failure by its own code", async () => {
  const { prisma } = open();
  const { id } = await newAuthor(prisma);
  const rename = (name: string) => ({ where: { id }, data: { name } });
  const failed = prisma.$transaction(
    async (tx) => {
      await tx.author.findUnique({ where: { id } });
      await prisma.author.update(rename(randomUUID()));
      await tx.author.update(rename(randomUUID()));
    },
    { isolationLevel: "RepeatableRead" },
  );
  expect(await rejection(failed)).toMatchObject({ code: "P2034" });
});

shows("events", "has each transaction told by the pool", async () => {
  const { prisma, pool } = open();
  const told: string[] = [];
  pool.on("acquire", () => told.push("acquire"));
  pool.on("release", () => told.push("release"));
  await prisma.$transaction((tx) => sent(newAuthor(tx)));
  expect(told).toEqual(["acquire", "release"]);
});

shows("shutdown", "ends the pool that it was told to dispose of, with nothing left", async () => {
  const application_name = randomUUID();
  const { prisma, pool } = open({ ...shop.options(), application_name });
  await Promise.all([newAuthor(prisma), named(prisma, "nobody")]);
  await prisma.$transaction((tx) => sent(newAuthor(tx)));
  await prisma.$disconnect();
  expect([pool.ended, await allConnectionsOf(shop, { application_name })]).toEqual([true, 0]);
});

shows("shutdown", "leaves a pool open that is not its own, and no listener on it", async () => {
  const pool = createPool(shop.options());
  const listeners = pool.listenerCount("error");
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  await prisma.author.count();
  await prisma.$disconnect();
  expect([pool.ended, pool.listenerCount("error")]).toEqual([false, listeners]);
  await pool.end();
});

it("finds its named statements on readers and on the writer", async () => {
  const names = new Map<string, string>();
  const statementNameGenerator = ({ sql }: { sql: string }): string => {
    if (!names.has(sql)) names.set(sql, `prisma_${names.size}`);
    return names.get(sql) as string;
  };
  const { prisma } = openPrisma(shop.options(), { statementNameGenerator });
  const { id, name } = await newAuthor(prisma);
  const find = (tx: Pick<Shop, "author">) => sent(tx.author.findUnique({ where: { id } }));
  for (let turn = 0; turn < 3; turn++) {
    expect(await onReaders(() => find(prisma))).toEqual({ id, name });
    expect(await onWriter(() => prisma.$transaction(find))).toEqual({ id, name });
  }
});

it("uses the pool itself, and opens none besides it", async () => {
  const application_name = randomUUID();
  const { prisma, pool } = open({ ...shop.options(), application_name, max: 1 });
  await Promise.all([newAuthor(prisma), newAuthor(prisma), named(prisma, "nobody")]);
  const { writer, reader } = pool.stats();
  expect(await allConnectionsOf(shop, { application_name })).toBe(
    writer.total + (reader?.total ?? 0),
  );
});
