import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { expect } from "vitest";
import { type Db, notes, openDrizzle, shows } from "./support/drizzle-shop.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const open = (options = shop.options()) => openDrizzle(options);

/** What the callback of a transaction is given. */
type Tx = Parameters<Parameters<Db["transaction"]>[0]>[0];

shows("tenants", "shows a tenant its own rows, on a reader", async () => {
  const { db } = open({ ...shop.shopperOptions(), max: 2 });
  const notesOf = (tenant: string) =>
    db.transaction(
      async (tx) => {
        await tx.execute(sql`select set_config('app.tenant', ${tenant}, true)`);
        return tx.select({ body: notes.body }).from(notes);
      },
      { accessMode: "read only" },
    );
  const tenants = ["north", "south", "nobody", "south", "north", "nobody"];
  const found = await onReaders(() => Promise.all(tenants.map(notesOf)));
  expect(found).toEqual([
    [{ body: "of north" }],
    [{ body: "of south" }],
    [],
    [{ body: "of south" }],
    [{ body: "of north" }],
    [],
  ]);
  expect(await onReaders(() => Promise.all(tenants.map(() => db.select().from(notes))))).toEqual(
    tenants.map(() => []),
  );
});

shows("tenants", "takes the role of a tenant for a transaction, on a reader", async () => {
  const { db } = open();
  const found = await onReaders(() =>
    db.transaction(
      async (tx) => {
        await tx.execute(sql`set local role shopper`);
        await tx.execute(sql`set local app.tenant to 'south'`);
        return tx.select({ body: notes.body }).from(notes);
      },
      { accessMode: "read only" },
    ),
  );
  expect(found).toEqual([{ body: "of south" }]);
  expect(await db.$count(notes)).toBe(2);
});

shows("tenants", "sees at once what it has written as a tenant", async () => {
  const { db } = open(shop.shopperOptions());
  const tenant = randomUUID();
  const asTenant = <T>(work: (tx: Tx) => Promise<T>, accessMode: "read only" | "read write") =>
    db.transaction(
      async (tx) => {
        await tx.execute(sql`select set_config('app.tenant', ${tenant}, true)`);
        return work(tx);
      },
      { accessMode },
    );
  const write = () =>
    asTenant((tx) => tx.insert(notes).values({ tenant, body: "new" }), "read write");
  const count = () => asTenant((tx) => tx.$count(notes), "read only");
  await onWriter(write);
  expect(await onReaders(count)).toBe(1);
  await write();
  expect(await count()).toBe(2);
});

shows("tenants", "joins a transaction of the pool that has the tenant's settings", async () => {
  const { db, pool } = open(shop.shopperOptions());
  const notesOf = (tenant: string) =>
    pool.transaction(() => db.select({ body: notes.body }).from(notes), {
      readOnly: true,
      set: { "app.tenant": tenant },
    });
  const found = await onReaders(() => Promise.all(["north", "south", "nobody"].map(notesOf)));
  expect(found).toEqual([[{ body: "of north" }], [{ body: "of south" }], []]);
});
