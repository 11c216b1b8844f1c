import { randomUUID } from "node:crypto";
import Cursor from "pg-cursor";
import { createPool, type Pool } from "pointsman";
import { Client } from "pointsman/pg";
import { expect, onTestFinished } from "vitest";
import { rejection } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const shows = showingUses({ name: "pg-cursor", packageName: "pg-cursor", through: "createPool()" });

const numbers = "select n from generate_series(1, 25) n";

function open(): Pool {
  const pool = createPool(shop.options());
  onTestFinished(() => pool.end());
  return pool;
}

interface Queryable {
  query<T extends Cursor<{ n: number }>>(cursor: T): T;
}

/** How many rows each portion of ten has. */
async function portions(on: Queryable, text = numbers): Promise<number[]> {
  const cursor = on.query(new Cursor<{ n: number }>(text));
  const sizes: number[] = [];
  for (let rows = await cursor.read(10); rows.length > 0; rows = await cursor.read(10)) {
    sizes.push(rows.length);
  }
  await cursor.close();
  return sizes;
}

shows("On a client", "reads in portions from a reader", async () => {
  const client = await open().connect();
  expect(await onReaders(() => portions(client))).toEqual([10, 10, 5]);
  client.release();
});

shows("On a client", "is closed early, and leaves the client in use", async () => {
  const client = await open().connect();
  await onReaders(async () => {
    const cursor = client.query(new Cursor<{ n: number }>(numbers));
    expect(await cursor.read(3)).toHaveLength(3);
    await cursor.close();
    expect((await client.query("select count(*)::int as n from authors")).rows).toHaveLength(1);
  });
  client.release();
});

shows("In a transaction", "reads what the transaction has written, on the writer", async () => {
  const client = await open().connect();
  const name = randomUUID();
  await onWriter(async () => {
    await client.query("begin");
    await client.query("insert into authors (name) select $1 || n from generate_series(1, 12) n", [
      name,
    ]);
    const text = `select id as n from authors where name like '${name}%'`;
    expect(await portions(client, text)).toEqual([10, 2]);
    await client.query("rollback");
  });
  client.release();
});

shows("In a READ ONLY transaction", "reads from a reader", async () => {
  const client = await open().connect();
  await onReaders(async () => {
    await client.query("begin read only");
    expect(await portions(client)).toEqual([10, 10, 5]);
    await client.query("commit");
  });
  client.release();
});

shows("What writes", "returns what it inserts, on the writer", async () => {
  const client = await open().connect();
  const text = `insert into authors (name) values ('${randomUUID()}') returning id as n`;
  expect(await onWriter(() => portions(client, text))).toEqual([1]);
  client.release();
});

shows("On a Client of pointsman/pg", "reads in portions from a reader", async () => {
  const { writer, reader } = shop.options();
  const client = new Client({ connectionString: writer, reader, catalog: false });
  await client.connect();
  onTestFinished(() => client.end());
  expect(await onReaders(() => portions(client))).toEqual([10, 10, 5]);
});

shows("Its own errors", "fails at its read with PostgreSQL's error", async () => {
  const client = await open().connect();
  expect(await rejection(portions(client, "select n from nowhere"))).toMatchObject({
    code: "42P01",
  });
  client.release();
});
