import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { from, to } from "pg-copy-streams";
import { createPool, type Pool } from "pointsman";
import { expect, onTestFinished } from "vitest";
import { rejection } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const shows = showingUses({
  name: "pg-copy-streams",
  packageName: "pg-copy-streams",
  through: "createPool()",
});

function open(): Pool {
  const pool = createPool(shop.options());
  onTestFinished(() => pool.end());
  return pool;
}

const copyIn = "copy authors (name) from stdin";
const copyOut = (name: string) =>
  `copy (select name from authors where name like '${name}%' order by id) to stdout`;

shows("COPY FROM", "copies in on the writer, and a read sees it while readers lag", async () => {
  const pool = open();
  const name = randomUUID();
  const client = await pool.connect();
  await onWriter(() =>
    pipeline(Readable.from([`${name} 1\n`, `${name} 2\n`]), client.query(from(copyIn))),
  );
  const { rowCount } = await client.query("select from authors where name like $1", [`${name}%`]);
  expect(rowCount).toBe(2);
  client.release();
});

shows("COPY TO", "copies out from a reader", async () => {
  const pool = open();
  const name = randomUUID();
  await pool.query("insert into authors (name) values ($1)", [name]);
  const client = await pool.connect();
  expect(await onReaders(() => textOf(client.query(to(copyOut(name)))))).toBe(`${name}\n`);
  client.release();
});

shows("COPY TO", "has what was just written, while readers lag", async () => {
  const pool = open();
  const client = await pool.connect();
  for (let turn = 0; turn < 3; turn++) {
    const name = randomUUID();
    await pool.query("insert into authors (name) values ($1)", [name]);
    expect(await textOf(client.query(to(copyOut(name))))).toBe(`${name}\n`);
  }
  client.release();
});

shows("In a transaction", "copies in and out on the writer, and is rolled back", async () => {
  const pool = open();
  const name = randomUUID();
  const client = await pool.connect();
  await onWriter(async () => {
    await client.query("begin");
    await pipeline(Readable.from([`${name}\n`]), client.query(from(copyIn)));
    expect(await textOf(client.query(to(copyOut(name))))).toBe(`${name}\n`);
    await client.query("rollback");
  });
  const { rowCount } = await client.query("select from authors where name = $1", [name]);
  expect(rowCount).toBe(0);
  client.release();
});

shows("Its own errors", "fails with PostgreSQL's error, and leaves the client in use", async () => {
  const pool = open();
  const name = randomUUID();
  const client = await pool.connect();
  const twice = pipeline(Readable.from([`${name}\n`, `${name}\n`]), client.query(from(copyIn)));
  expect(await rejection(twice)).toMatchObject({ code: "23505" });
  expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  client.release();
});
