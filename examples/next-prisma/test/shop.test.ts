import { type Cluster, startCluster } from "@pointsman/local";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ranDuring } from "../../../packages/pointsman/test/support/ran-during.ts";
import { type RunningShop, shopContract, type Urls } from "../../contract/shop-contract.ts";
import { shopScripts } from "../../contract/shop-scripts.ts";
import { runSetup, start } from "./scripts.ts";

shopContract("Next.js and Prisma", {
  async setUp(urls) {
    await runSetup(urls);
  },
  open: start,
});

shopScripts("Next.js and Prisma", new URL("../", import.meta.url));

/** What the shop sent while something was done, without what the pool asks the database for itself. */
async function sent<T>(cluster: Cluster, doIt: () => Promise<T>) {
  const { result, ran } = await ranDuring(cluster, doIt);
  const ofShop = (texts: string[]) => texts.filter((text) => !text.includes("pg_catalog."));
  return { result, writer: ofShop(ran.writer), readers: ofShop(ran.readers) };
}

describe("Next.js and Prisma, on their own", () => {
  let cluster: Cluster;
  let urls: Urls;
  let shop: RunningShop;

  beforeAll(async () => {
    cluster = await startCluster({ readers: 2, logStatements: true });
    urls = { writer: cluster.writer.url, reader: cluster.reader.url };
  });

  afterAll(() => cluster?.stop());

  it("is set up once, though readers know nothing of it yet", async () => {
    await cluster.pauseReplay();
    const said = [await runSetup(urls), await runSetup(urls)];
    await cluster.resumeReplay();
    expect(said).toEqual([
      expect.stringContaining("Migrated: 20261101000000_create_shop"),
      expect.stringContaining("Nothing to migrate."),
    ]);
  });

  describe("when it is open", () => {
    beforeAll(async () => {
      await cluster.waitForReplay();
      shop = await start(urls);
    });

    afterAll(() => shop?.close());

    beforeEach(() => cluster.waitForReplay());

    const get = async (path: string) =>
      (await (await fetch(shop.url + path)).json()) as { readonly total: number };

    const post = (path: string, body: object) =>
      fetch(shop.url + path, {
        method: "POST",
        body: JSON.stringify(body),
        redirect: "manual",
      });

    it("has filled its shelves once", async () => {
      const totals = ["railways", "travel", "poetry"].map(async (slug) => {
        return (await get(`/categories/${slug}`)).total;
      });
      expect(await Promise.all(totals)).toEqual([4, 4, 4]);
    });

    it("reads a book by several statements, all of them on readers", async () => {
      const { writer, readers } = await sent(cluster, () => get("/books/1"));
      expect(writer).toEqual([]);
      expect(readers.length).toBeGreaterThan(1);
    });

    it("sends what Prisma reads for the report within the pool's transaction", async () => {
      const { writer, readers } = await sent(cluster, () => get("/back-office/report"));
      const [first = "", ...between] = readers;
      const last = between.pop();
      expect(first).toMatch(/^begin.* read only/i);
      expect(between.join("\n")).toMatch(/order_lines[\s\S]*"orders"[\s\S]*"stock"/);
      expect([last?.toLowerCase(), writer]).toEqual(["commit", []]);
    });

    it("keeps the statements of an order within Prisma's transaction", async () => {
      const customer = await post("/customers", { name: "Ada", email: "ada@example.com" });
      const customerId = Number(customer.headers.get("location")?.split("/").at(-1));
      const lines = [{ bookId: 1, quantity: 1 }];
      const { result, writer, readers } = await sent(cluster, () =>
        post("/orders", { customerId, lines }),
      );
      expect([result.status, readers]).toEqual([303, []]);
      expect([writer[0], writer.at(-1)]).toEqual(["BEGIN", "COMMIT"]);
    });

    it("answers what no route has a handler for", async () => {
      const { status } = await fetch(`${shop.url}/books/1`, { method: "DELETE" });
      expect(status).toBe(405);
    });
  });
});
