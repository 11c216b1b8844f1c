import { type Cluster, startCluster } from "@pointsman/local";
import type { FastifyInstance } from "fastify";
import { createPool, type Pool } from "pointsman";
import { expectQueries } from "pointsman/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shopContract, type Urls } from "../../contract/shop-contract.ts";
import { shopScripts } from "../../contract/shop-scripts.ts";
import { createApp } from "../src/app.ts";
import { databaseOn } from "../src/database.ts";
import { migrate } from "../src/migrate.ts";
import { seed } from "../src/seed.ts";

async function setUp(urls: Urls): Promise<void> {
  const pool = createPool(urls);
  const db = databaseOn(pool);
  await migrate(db);
  await seed(db);
  await pool.end();
}

shopContract("Fastify and Kysely", {
  setUp,
  async open(urls) {
    const pool = createPool(urls);
    pool.on("error", () => {});
    const app = createApp(pool);
    app.addHook("onClose", () => pool.end());
    return { url: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
  },
});

shopScripts("Fastify and Kysely", new URL("../", import.meta.url));

describe("Fastify and Kysely", () => {
  let cluster: Cluster;
  let pool: Pool;
  let app: FastifyInstance;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 1 });
    const urls = { writer: cluster.writer.url, reader: cluster.reader.url };
    await setUp(urls);
    await cluster.waitForReplay();
    pool = createPool(urls);
    app = createApp(pool);
  });

  afterAll(async () => {
    await app?.close();
    await pool?.end();
    await cluster?.stop();
  });

  const send = (url: string, payload: string | object, type = "application/json") =>
    app.inject({ method: "POST", url, payload, headers: { "content-type": type } });

  it("reads a book with its reviews by one statement on a reader", async () => {
    const answer = await expectQueries(pool, { writer: 0, reader: 1 }, () =>
      app.inject("/books/1"),
    );
    expect(answer.json()).toEqual({
      id: 1,
      title: "Mugby Junction",
      author: "Charles Dickens",
      priceCents: 799,
      inStock: true,
      latestReviews: [],
    });
  });

  it("runs an order as four statements on the writer", async () => {
    const signedUp = await send("/customers", { name: "Ada", email: "ada@example.com" });
    const customerId = Number(signedUp.headers.location?.split("/").at(-1));
    const order = {
      customerId,
      lines: [
        { bookId: 2, quantity: 1 },
        { bookId: 1, quantity: 1 },
        { bookId: 2, quantity: 2 },
      ],
    };
    const answer = await expectQueries(pool, { writer: 4, reader: 0 }, () =>
      send("/orders", order),
    );
    expect((await app.inject(String(answer.headers.location))).json()).toMatchObject({
      customerId,
      totalCents: 799 + 3 * 650,
      lines: [
        { bookId: 1, quantity: 1, priceCents: 799 },
        { bookId: 2, quantity: 3, priceCents: 650 },
      ],
    });
  });

  it.each([
    ["a page of zero", "/categories/railways?page=0", "querystring/page must be >= 1"],
    [
      "a category of white space",
      "/categories/%20",
      'params/slug must match pattern "^\\s*[^\\s\\0][^\\0]*$"',
    ],
    ["a path that is no text", "/books/%E0", "'/books/%E0' is not a valid url component"],
    ["a book beyond integer", "/books/2147483648", "params/id must be <= 2147483647"],
  ])("names what a schema refuses: %s", async (_, url, message) => {
    expect((await app.inject(url)).json()).toEqual({ error: "bad_input", message });
  });

  it.each([
    ["white space", " \n "],
    ["the character NUL", "Ada\0"],
    ["more than a name", "a".repeat(201)],
  ])("asks no database about a name of %s", async (_, name) => {
    const answer = await expectQueries(pool, { writer: 0, reader: 0 }, () =>
      send("/customers", { name, email: "nobody@example.com" }),
    );
    expect([answer.statusCode, answer.json().error]).toEqual([400, "bad_input"]);
  });

  it("takes an e-mail address once, in whatever case", async () => {
    await send("/customers", { name: "Eve", email: "eve@example.com" });
    const again = await send("/customers", { name: "Eve", email: "EVE@example.com" });
    expect([again.statusCode, again.json().error]).toEqual([409, "email_taken"]);
  });

  it.each([
    ["a body that is too large", 413, "too_large", "application/json"],
    ["a body of another type", 415, "unsupported_type", "application/xml"],
  ])("refuses %s", async (_, status, error, type) => {
    const answer = await send("/customers", { name: "a".repeat(70_000) }, type);
    expect([answer.statusCode, answer.json().error]).toEqual([status, error]);
  });

  it("migrates once, whoever else is at it", async () => {
    const db = databaseOn(pool);
    expect(await Promise.all([migrate(db), migrate(db)])).toEqual([[], []]);
  });
});
