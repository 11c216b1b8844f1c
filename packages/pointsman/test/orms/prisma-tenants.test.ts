import { randomUUID } from "node:crypto";
import type { PoolOptions } from "pointsman";
import { expect } from "vitest";
import { rejection } from "../support/waiting.ts";
import { newAuthor, openPrisma, type Shop, shows } from "./support/prisma-shop.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const open = (options: PoolOptions = {}) => openPrisma({ ...shop.options(), ...options });
const asShopper = (options: PoolOptions = {}) =>
  openPrisma({ ...shop.shopperOptions(), ...options });

/** A transaction that only reads: Prisma has no option for that. */
const reading = <T>(prisma: Shop, work: (tx: Shop) => PromiseLike<T>, options?: object) =>
  prisma.$transaction(async (tx) => {
    await tx.$executeRaw`set transaction read only`;
    return work(tx);
  }, options);

const notesOf = (prisma: Shop, tenant: string) =>
  reading(prisma, async (tx) => {
    await tx.$executeRaw`select set_config('app.tenant', ${tenant}, true)`;
    return tx.note.findMany({ select: { body: true } });
  });

shows("readOnly", "runs a transaction on a reader that declares itself READ ONLY", async () => {
  const { prisma } = open();
  const { name } = await newAuthor(prisma);
  await shop.cluster.waitForReplay();
  const { result, ran } = await shop.watch(() =>
    reading(prisma, (tx) => tx.author.findUnique({ where: { name } }), {
      isolationLevel: "RepeatableRead",
    }),
  );
  expect(result).toMatchObject({ name });
  // Prisma opens it by a plain BEGIN, before it says what it is.
  expect(ran.writer).toEqual([
    "BEGIN",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "ROLLBACK",
  ]);
  expect(ran.readers).toEqual([
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    expect.stringMatching(/^SELECT .* FROM "public"\."authors"/),
    "COMMIT",
  ]);
});

shows("readOnly", "sees its own write in it, while readers lag", async () => {
  const { prisma } = open();
  for (let turn = 0; turn < 5; turn++) {
    const { name } = await newAuthor(prisma);
    const found = await reading(prisma, (tx) => tx.author.findUnique({ where: { name } }));
    expect(found).toMatchObject({ name });
  }
});

shows("readOnly", "is refused a write in it", async () => {
  const { prisma } = open();
  const name = randomUUID();
  const failed = reading(prisma, (tx) => tx.author.create({ data: { name } }));
  expect((await rejection(failed)).message).toContain("read-only transaction");
  expect(await prisma.author.findUnique({ where: { name } })).toBeNull();
});

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const { prisma } = asShopper({ max: 2 });
  const tenants = ["north", "south", "nobody", "south", "north", "nobody"];
  await shop.cluster.waitForReplay();
  const { result, ran } = await shop.watch(() =>
    Promise.all(tenants.map((tenant) => notesOf(prisma, tenant))),
  );
  expect(result).toEqual([
    [{ body: "of north" }],
    [{ body: "of south" }],
    [],
    [{ body: "of south" }],
    [{ body: "of north" }],
    [],
  ]);
  const ofNotes = (texts: string[]) => texts.filter((text) => text.includes("notes"));
  expect(ofNotes(ran.readers)).toHaveLength(6);
  expect(ofNotes(ran.writer)).toEqual([]);
  const after = await onReaders(() => Promise.all(tenants.map(async () => prisma.note.findMany())));
  expect(after).toEqual(tenants.map(() => []));
});

shows("tenants", "keeps a tenant's transaction that does not say so on the writer", async () => {
  const { prisma } = asShopper();
  const tenant = randomUUID();
  const write = () =>
    prisma.$transaction(async (tx) => {
      await tx.$executeRaw`select set_config('app.tenant', ${tenant}, true)`;
      return tx.note.create({ data: { tenant, body: "new" } });
    });
  expect(await onWriter(write)).toMatchObject({ tenant });
  expect(await notesOf(prisma, tenant)).toEqual([{ body: "new" }]);
});

shows("tenants", "shows a tenant its own rows through a pool that only reads", async () => {
  const { prisma } = asShopper({ readOnly: true });
  const rows = await onReaders(() =>
    prisma.$transaction(async (tx) => {
      await tx.$executeRaw`select set_config('app.tenant', 'north', true)`;
      return tx.note.findMany({ select: { body: true } });
    }),
  );
  expect(rows).toEqual([{ body: "of north" }]);
});

shows("tenants", "shows a tenant its own rows in a list of queries, on a reader", async () => {
  const { prisma } = asShopper();
  await shop.cluster.waitForReplay();
  const { result, ran } = await shop.watch(() =>
    prisma.$transaction([
      prisma.$executeRaw`set transaction read only`,
      prisma.$executeRaw`select set_config('app.tenant', 'south', true)`,
      prisma.note.findMany({ select: { body: true } }),
    ]),
  );
  expect(result[2]).toEqual([{ body: "of south" }]);
  expect(ran.writer).toEqual(["BEGIN", "ROLLBACK"]);
  expect(ran.readers.map((text) => text.split(" ")[0])).toEqual([
    "BEGIN",
    "select",
    "SELECT",
    "COMMIT",
  ]);
});
