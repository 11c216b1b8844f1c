import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { type Cluster, startCluster } from "@pointsman/local";
import { Pool } from "pointsman";
import { DataSource } from "typeorm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ranDuring } from "../../../packages/pointsman/test/support/ran-during.ts";
import { shopContract, type Urls } from "../../contract/shop-contract.ts";
import { shopScripts } from "../../contract/shop-scripts.ts";
import { createApp } from "../src/create-app.ts";
import { setUp } from "../src/set-up.ts";

async function open(urls: Urls): Promise<NestExpressApplication> {
  const app = await createApp(urls, []);
  await app.listen(0, "127.0.0.1");
  return app;
}

shopContract("NestJS and TypeORM", {
  async setUp(urls) {
    await setUp(urls);
  },
  async open(urls) {
    const app = await open(urls);
    return { url: await app.getUrl(), close: () => app.close() };
  },
});

const folder = new URL("../", import.meta.url);
shopScripts("NestJS and TypeORM", folder);

/** Runs `npm run setup`, and gives back what it says. */
async function runSetup({ writer, reader }: Urls): Promise<string> {
  const { stdout } = await promisify(execFile)("npm", ["run", "setup", "--silent"], {
    cwd: fileURLToPath(folder),
    env: { ...process.env, DATABASE_URL: writer, DATABASE_READER_URL: reader },
  });
  return stdout;
}

/** What the shop sent while something was done, without what the pool asks the database for itself. */
async function sent<T>(cluster: Cluster, doIt: () => Promise<T>) {
  const { result, ran } = await ranDuring(cluster, doIt);
  const ofShop = (texts: string[]) => texts.filter((text) => !text.includes("pg_catalog."));
  return { result, writer: ofShop(ran.writer), readers: ofShop(ran.readers) };
}

describe("NestJS and TypeORM, on their own", () => {
  let cluster: Cluster;
  let app: NestExpressApplication;
  let url: string;
  const setUps: string[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ readers: 2, logStatements: true });
    const urls = { writer: cluster.writer.url, reader: cluster.reader.url };
    await cluster.pauseReplay();
    setUps.push(await runSetup(urls), await runSetup(urls));
    await cluster.resumeReplay();
    await cluster.waitForReplay();
    app = await open(urls);
    url = await app.getUrl();
  });

  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  beforeEach(() => cluster.waitForReplay());

  const report = () => fetch(`${url}/back-office/report`);

  it("migrates and fills its shelves once, though readers know nothing of it yet", async () => {
    const category = await fetch(`${url}/categories/nature`);
    const { total } = (await category.json()) as { total: number };
    expect([...setUps, total]).toEqual([
      "Migrated: CreateShop1764000000000\n",
      "Nothing to migrate.\n",
      4,
    ]);
  });

  it("reads the report in one transaction of a query runner, on one reader", async () => {
    const { writer, readers } = await sent(cluster, report);
    const [first, ...between] = readers;
    const last = between.pop();
    expect([first, last]).toEqual([
      "start transaction isolation level repeatable read read only",
      "commit",
    ]);
    expect(between.join("\n")).toMatch(/"order_lines"[\s\S]*"orders"[\s\S]*"stock"/);
    expect(writer).toEqual([]);
  });

  it("leaves no transaction open when a report fails", async () => {
    const source = app.get(DataSource);
    const abandoned: unknown[] = [];
    app.get(Pool).on("abandoned", (found) => abandoned.push(found));
    await source.query("alter table stock rename to shelves");
    await cluster.waitForReplay();
    const failed = await report();
    await source.query("alter table shelves rename to stock");
    await cluster.waitForReplay();
    const answers = [failed, await report()];
    expect([...answers.map(({ status }) => status), abandoned]).toEqual([500, 200, []]);
    expect(await failed.json()).toMatchObject({ error: "internal" });
  });

  it("saves an entity within TypeORM's own transaction, on the writer", async () => {
    const { result, writer, readers } = await sent(cluster, () =>
      fetch(`${url}/customers`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "Grace", email: "grace@example.com" }),
        redirect: "manual",
      }),
    );
    expect([result.status, readers]).toEqual([303, []]);
    const [first, ...others] = writer;
    expect([first, others.at(-1)]).toEqual(["START TRANSACTION", "COMMIT"]);
    expect(others).toContainEqual(expect.stringMatching(/^INSERT INTO "customers"/));
  });
});
