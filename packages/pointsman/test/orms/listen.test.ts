import { randomUUID } from "node:crypto";
import { createPool, type Pool, type RoutedClient } from "pointsman";
import { expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { until } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onWriter } = shop;
const shows = showingUses({
  name: "LISTEN by hand (as in PostGraphile)",
  packageName: "pg",
  through: "createPool()",
});

/** Holds a client that listens, and takes another when its connection is lost. */
class Listener {
  readonly heard: string[] = [];
  readonly #pool: Pool;
  #client: RoutedClient | undefined;
  times = 0;
  #isOver = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async start(): Promise<void> {
    const client = await this.#pool.connect();
    client.on("notification", ({ payload }) => this.heard.push(payload ?? ""));
    client.on("error", (error) => {
      client.removeAllListeners("notification");
      client.release(error);
      if (!this.#isOver) void this.start();
    });
    await client.query("listen books");
    this.#client = client;
    this.times += 1;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#client?.query("unlisten *");
    this.#client?.release();
  }
}

async function open() {
  const application_name = randomUUID();
  const pool = createPool({ ...shop.options(), application_name });
  pool.on("error", () => {});
  const listener = new Listener(pool);
  onTestFinished(async () => {
    if (pool.ended) return;
    await listener.stop();
    await pool.end();
  });
  await onWriter(() => listener.start());
  return { application_name, pool, listener };
}

shows("LISTEN and NOTIFY", "hears on a held client what the pool tells", async () => {
  const { pool, listener } = await open();
  await onWriter(async () => {
    await pool.query("notify books, 'one'");
    await pool.query("select pg_notify('books', 'two')");
    await until("both are heard", () => listener.heard.length === 2);
  });
  expect(listener.heard).toEqual(["one", "two"]);
});

shows("LISTEN and NOTIFY", "hears nothing of a transaction before it is committed", async () => {
  const { pool, listener } = await open();
  await pool.transaction(async (tx) => {
    await tx.query("notify books, 'in a transaction'");
    await pool.writer.query("notify books, 'outside'");
    await until("the other is heard", () => listener.heard.length === 1);
  });
  await until("both are heard", () => listener.heard.length === 2);
  expect(listener.heard).toEqual(["outside", "in a transaction"]);
});

shows("Lost connections", "listens again on another client when its own was cut", async () => {
  const { application_name, pool, listener } = await open();
  await (await shop.connect()).query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
    [application_name],
  );
  await until("it listens again", () => listener.times === 2);
  await pool.query("notify books, 'again'");
  await until("it is heard", () => listener.heard.includes("again"));
});

shows("Shutdown", "gives the client back, and the pool ends", async () => {
  const { application_name, pool, listener } = await open();
  await listener.stop();
  await pool.end();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
