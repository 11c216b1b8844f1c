import { randomUUID } from "node:crypto";
import { once } from "node:events";
import QueryStream from "pg-query-stream";
import { createPool, type Pool } from "pointsman";
import { expect, onTestFinished } from "vitest";
import { rejection } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const shows = showingUses({
  name: "pg-query-stream",
  packageName: "pg-query-stream",
  through: "createPool()",
});

const numbers = "select n from generate_series(1, 250) n";

function open(): Pool {
  const pool = createPool(shop.options());
  onTestFinished(() => pool.end());
  return pool;
}

/** How many rows a stream brings. */
async function rowsOf(stream: AsyncIterable<unknown>): Promise<number> {
  let rows = 0;
  for await (const _ of stream) rows += 1;
  return rows;
}

shows("On the pool", "streams from a reader", async () => {
  const pool = open();
  const stream = new QueryStream(numbers, [], { batchSize: 40 });
  const rows = onReaders(async () => {
    pool.query(stream);
    return rowsOf(stream);
  });
  expect(await rows).toBe(250);
});

shows("On a client", "streams from a reader", async () => {
  const client = await open().connect();
  expect(await onReaders(() => rowsOf(client.query(new QueryStream(numbers))))).toBe(250);
  client.release();
});

shows("On a client", "is left early, and leaves the client in use", async () => {
  const client = await open().connect();
  await onReaders(async () => {
    const stream = client.query(new QueryStream(numbers));
    await once(stream, "data");
    stream.destroy();
    await once(stream, "close");
    await client.query("select count(*) from authors");
  });
  client.release();
});

shows("In a transaction", "streams what the transaction has written, on the writer", async () => {
  const client = await open().connect();
  const name = randomUUID();
  await onWriter(async () => {
    await client.query("begin");
    await client.query("insert into authors (name) select $1 || n from generate_series(1, 12) n", [
      name,
    ]);
    const text = "select name from authors where name like $1";
    expect(await rowsOf(client.query(new QueryStream(text, [`${name}%`])))).toBe(12);
    await client.query("rollback");
  });
  client.release();
});

shows("In a READ ONLY transaction", "streams from a reader", async () => {
  const pool = open();
  await onReaders(async () => {
    const client = await pool.connect();
    await client.query("begin read only");
    expect(await rowsOf(client.query(new QueryStream(numbers)))).toBe(250);
    await client.query("commit");
    client.release();
  });
});

shows("Its own errors", "emits PostgreSQL's error", async () => {
  const client = await open().connect();
  const failed = rowsOf(client.query(new QueryStream("select n from nowhere")));
  expect(await rejection(failed)).toMatchObject({ code: "42P01" });
  client.release();
});
