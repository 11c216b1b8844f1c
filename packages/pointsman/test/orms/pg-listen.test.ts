import { randomUUID } from "node:crypto";
import type createPostgresSubscriber from "pg-listen";
import { createPool } from "pointsman";
import { beforeAll, expect, onTestFinished } from "vitest";
import { allConnectionsOf, connectionsOf } from "../pg-module/clients.ts";
import { until } from "../support/waiting.ts";
import { withPgAliased } from "./support/aliased.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const shows = showingUses({
  name: "pg-listen",
  packageName: "pg-listen",
  through: "pointsman/pg",
});

let createSubscriber: typeof createPostgresSubscriber.default;

beforeAll(async () => {
  const { reader } = shop.options();
  createSubscriber = await withPgAliased("pg-listen", { reader, catalog: false });
});

/** A subscriber to one channel, and what it has heard there. */
async function open() {
  const application_name = randomUUID();
  const subscriber = createSubscriber(
    { connectionString: shop.options().writer, application_name },
    { retryInterval: 50, paranoidChecking: 50 },
  );
  const heard: unknown[] = [];
  subscriber.events.on("error", () => {});
  subscriber.notifications.on("books", (payload) => heard.push(payload));
  onTestFinished(() => subscriber.close());
  await subscriber.connect();
  await subscriber.listenTo("books");
  return { application_name, subscriber, heard };
}

shows("LISTEN and NOTIFY", "listens and tells on the writer", async () => {
  const { application_name, subscriber, heard } = await open();
  const { result, ran } = await shop.watch(async () => {
    await subscriber.notify("books", { title: "Solaris" });
    await until("it is heard", () => heard.length === 1);
    return heard[0];
  });
  expect(result).toEqual({ title: "Solaris" });
  expect(ran.readers).toEqual([]);
  expect(await connectionsOf(shop, { application_name })).toEqual({ writer: 1 });
});

shows("What was told of", "is there for whoever hears of it, while readers lag", async () => {
  const { heard } = await open();
  const pool = createPool(shop.options());
  onTestFinished(() => pool.end());
  for (let turn = 1; turn <= 3; turn++) {
    const name = randomUUID();
    await pool.query(
      "with made as (insert into authors (name) values ($1) returning name) select pg_notify('books', to_json(name)::text) from made",
      [name],
    );
    await until("it is heard", () => heard.length === turn);
    const { rows } = await pool.query("select name from authors where name = $1", [heard.at(-1)]);
    expect(rows).toEqual([{ name }]);
  }
});

shows("Lost connections", "listens again when its connection was cut", async () => {
  const { application_name, subscriber, heard } = await open();
  const listensAgain = new Promise<void>((resolve) => subscriber.events.on("connected", resolve));
  const admin = await shop.connect();
  const { rowCount } = await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
    [application_name],
  );
  expect(rowCount).toBe(1);
  await listensAgain;
  await admin.query("select pg_notify('books', '1')");
  await until("it is heard", () => heard.includes(1));
});

shows("Shutdown", "closes its connection", async () => {
  const { application_name, subscriber } = await open();
  await subscriber.close();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
