import { readdir, readFile } from "node:fs/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { createPool, type Pool } from "pointsman";
import { captureQueries } from "pointsman/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningShop, shopContract, type Urls } from "../../contract/shop-contract.ts";
import { shopScripts } from "../../contract/shop-scripts.ts";
import { createApp } from "../src/app.ts";
import { databaseOn, migrate } from "../src/database.ts";
import { listen } from "../src/listen.ts";
import * as schema from "../src/schema.ts";
import { seed } from "../src/seed.ts";

async function setUp(urls: Urls): Promise<void> {
  const pool = createPool(urls);
  await migrate(pool);
  await seed(databaseOn(pool));
  await pool.end();
}

shopContract("Express and Drizzle", {
  setUp,
  async open(urls) {
    const pool = createPool(urls);
    pool.on("error", () => {});
    const { url, close } = await listen(createApp(pool), 0, "127.0.0.1");
    return { url, close: () => close().then(() => pool.end()) };
  },
});

shopScripts("Express and Drizzle", new URL("../", import.meta.url));

describe("Express and Drizzle", () => {
  let cluster: Cluster;
  let pool: Pool;
  let shop: RunningShop;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 1 });
    pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
    // As when two deployments start at once.
    await Promise.all([migrate(pool), migrate(pool)]);
    await seed(databaseOn(pool));
    await cluster.waitForReplay();
    shop = await listen(createApp(pool), 0, "127.0.0.1");
  });

  afterAll(async () => {
    await shop?.close();
    await pool?.end();
    await cluster?.stop();
  });

  async function send(path: string, body: object, type = "application/json") {
    const response = await fetch(shop.url + path, {
      method: "POST",
      headers: { "content-type": type },
      body: JSON.stringify(body),
      redirect: "manual",
    });
    return { status: response.status, location: response.headers.get("location"), response };
  }

  it("migrates once, and fills the shelves once", async () => {
    expect(await seed(databaseOn(pool))).toBe(false);
    expect(await databaseOn(pool).$count(schema.books)).toBe(12);
    const { rows } = await pool.query("select count(*)::int from drizzle.__drizzle_migrations");
    expect(rows).toEqual([{ count: 1 }]);
  });

  it("has a migration for everything in the schema", async () => {
    const folder = new URL("../migrations/meta/", import.meta.url);
    const snapshots = (await readdir(folder)).filter((name) => name.endsWith("_snapshot.json"));
    const latest = new URL(snapshots.toSorted().at(-1) ?? "", folder);
    const before = JSON.parse(await readFile(latest, "utf8"));
    const now = generateDrizzleJson(schema, before.id, undefined, "snake_case");
    expect(await generateMigration(before, now)).toEqual([]);
  });

  it("reads a relational query by one statement, on a reader", async () => {
    const db = databaseOn(pool);
    const queries = await captureQueries(pool, async () => {
      await db.query.books.findFirst({ with: { author: true, stock: true, reviews: true } });
    });
    expect(queries.map(({ target, reason }) => [target, reason])).toEqual([
      ["reader", "plain-read"],
    ]);
  });

  it("shows a book in the shape of every shop", async () => {
    const made = await send("/customers", { name: " Ada ", email: "ada@example.com" });
    const customerId = Number(made.location?.split("/").at(-1));
    await send("/books/7/reviews", { customerId, rating: 4, body: "Long." });
    await cluster.waitForReplay();
    expect(await (await fetch(`${shop.url}/books/7`)).json()).toEqual({
      id: 7,
      title: "Moby-Dick",
      author: "Herman Melville",
      priceCents: 1399,
      inStock: true,
      latestReviews: [{ rating: 4, body: "Long.", customer: "Ada", writtenAt: expect.any(String) }],
    });
  });

  it("merges lines of one book, and keeps the prices", async () => {
    const made = await send("/customers", { name: "Eve", email: "eve@example.com" });
    const customerId = Number(made.location?.split("/").at(-1));
    const lines = [
      { bookId: 2, quantity: 1 },
      { bookId: 1, quantity: 1 },
      { bookId: 2, quantity: 2 },
    ];
    const { location } = await send("/orders", { customerId, lines });
    await cluster.waitForReplay();
    expect(await (await fetch(shop.url + location)).json()).toMatchObject({
      customerId,
      totalCents: 1150 + 3 * 999,
      lines: [
        { bookId: 1, title: "Around the World in Eighty Days", quantity: 1, priceCents: 1150 },
        { bookId: 2, title: "Stamboul Train", quantity: 3, priceCents: 999 },
      ],
    });
    const left = await pool.query({
      text: "select quantity from stock where book_id in (1, 2) order by book_id",
      target: "writer",
    });
    expect(left.rows).toEqual([{ quantity: 9 }, { quantity: 7 }]);
  });

  it.each([
    ["/customers", { name: " \n " }, "name must be a text of 1 to 200 characters"],
    ["/customers", { name: "Ada\0Eve" }, "name must be a text of 1 to 200 characters"],
    ["/customers", { name: 7 }, "name must be a text of 1 to 200 characters"],
    ["/orders", { customerId: "1" }, "customerId must be a whole number from 1 to 2147483647"],
    ["/orders", { customerId: 1, lines: [7] }, "lines[0] must be a JSON object"],
    [
      "/books/7/reviews",
      { customerId: 1.5 },
      "customerId must be a whole number from 1 to 2147483647",
    ],
  ])("says of %s what is wrong with %o", async (path, body, message) => {
    const { status, response } = await send(path, body);
    expect(await response.json()).toEqual({ error: "bad_input", message: `${message}.` });
    expect(status).toBe(400);
  });

  it.each(["/categories/%00", "/categories/%20", "/categories/seas?page=0", "/books/%E0"])(
    "asks no database about %s",
    async (path) => {
      let answer: Response | undefined;
      const queries = await captureQueries(pool, async () => {
        answer = await fetch(shop.url + path);
      });
      expect([answer?.status, await answer?.json(), queries]).toMatchObject([
        400,
        { error: "bad_input" },
        [],
      ]);
    },
  );

  it("takes an e-mail address once, in whatever case", async () => {
    await send("/customers", { name: "Bob", email: "bob@example.com" });
    expect((await send("/customers", { name: "Bob", email: "BOB@example.com" })).status).toBe(409);
  });

  it.each([
    ["a body that is too large", 413, "too_large", "application/json"],
    ["a body of another type", 400, "bad_input", "text/plain"],
  ])("refuses %s", async (_, status, error, type) => {
    const { response } = await send("/customers", { name: "a".repeat(70_000) }, type);
    expect([response.status, await response.json()]).toMatchObject([status, { error }]);
  });
});
