import { randomUUID } from "node:crypto";
import PgBoss from "pg-boss";
import { createPool, type Pool } from "pointsman";
import { expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { here } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const { onWriter } = shop;
const shows = showingUses({ name: "pg-boss", packageName: "pg-boss", through: "createPool()" });

interface Queryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

/** What pg-boss runs its statements by. */
const through = (queryable: Queryable): PgBoss.Db => ({
  executeSql: (text, values) => queryable.query(text, values),
});

/** A pg-boss with a pool of its own, and the name of a queue that no other test has. */
async function open(on: (pool: Pool) => Queryable = (pool) => pool) {
  const application_name = randomUUID();
  const pool = createPool({ ...shop.options(), application_name });
  // Connections that are cut while they are idle are told here.
  pool.on("error", () => {});
  const queue = randomUUID();
  const boss = new PgBoss({ db: through(on(pool)), schedule: false });
  boss.on("error", () => {});
  const close = async (): Promise<void> => {
    await boss.stop({ timeout: 5_000 });
    if (!pool.ended) await pool.end();
  };
  onTestFinished(close);
  await boss.start();
  return { application_name, pool, boss, queue, close };
}

const polling = { pollingIntervalSeconds: 0.5 };

shows("Jobs", "does each job once, however many work", async () => {
  const [first, second] = [await open(), await open()];
  const done: number[] = [];
  const { ran } = await shop.watch(async () => {
    await first.boss.createQueue(first.queue);
    for (const { boss } of [first, second]) {
      await boss.work<{ n: number }>(first.queue, { ...polling, batchSize: 5 }, async (jobs) => {
        done.push(...jobs.map(({ data }) => data.n));
      });
    }
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => first.boss.send(first.queue, { n: n + 1 })),
    );
    await until("all are done", async () => (await first.boss.getQueueSize(first.queue)) === 0);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  expect(ran.writer.some((text) => text.includes("SKIP LOCKED"))).toBe(true);
  expect(ran.readers.filter((text) => /insert|update|delete/i.test(text))).toEqual([]);
});

shows("Everything on the writer", "keeps to the writer, by pool.writer", async () => {
  await onWriter(async () => {
    const { boss, queue } = await open((pool) => pool.writer);
    await boss.createQueue(queue);
    await boss.send(queue, {});
    expect(await boss.getQueueSize(queue)).toBe(1);
    const [job] = await boss.fetch(queue);
    await boss.complete(queue, job?.id ?? "");
    expect(await boss.getQueueSize(queue)).toBe(0);
  });
});

shows("Reads of handlers", "have what another process wrote before it queued the job", async () => {
  const elsewhere = await shop.connect();
  for (const on of [(pool: Pool) => pool, (pool: Pool) => pool.writer]) {
    const { pool, boss, queue } = await open(on);
    await boss.createQueue(queue);
    const found: boolean[] = [];
    await boss.work<{ name: string }>(queue, polling, async ([job]) => {
      const { rowCount } = await pool.query("select from authors where name = $1", [
        job?.data.name,
      ]);
      found.push(rowCount === 1);
    });
    for (let turn = 1; turn <= 3; turn++) {
      const name = randomUUID();
      await elsewhere.query("insert into authors (name) values ($1)", [name]);
      await boss.send(queue, { name }, { db: through(elsewhere) });
      await until("the job is done", () => found.length === turn);
    }
    expect(found).toEqual([true, true, true]);
    await boss.stop();
  }
});

shows("Reads of handlers", "run on readers once they have caught up", async () => {
  const { pool, boss, queue } = await open();
  await boss.createQueue(queue);
  const servers: string[] = [];
  await boss.work(queue, polling, async () => {
    await shop.cluster.waitForReplay();
    const { rows } = await pool.query(`select ${here} as server from authors limit 1`);
    servers.push(rows[0].server);
  });
  await pool.query("insert into authors (name) values ($1)", [randomUUID()]);
  await boss.send(queue, {});
  await until("the job is done", () => servers.length === 1);
  expect(servers[0]).toMatch(/^reader/);
});

shows("Transactions", "queues a job with the transaction that needs it", async () => {
  const { pool, boss, queue } = await open();
  await boss.createQueue(queue);
  const queueIn = (fail: boolean) =>
    onWriter(() =>
      pool.transaction(async (tx) => {
        await boss.send(queue, {}, { db: through(tx) });
        if (fail) throw new Error("not this");
      }),
    );
  await expect(queueIn(true)).rejects.toThrow("not this");
  expect(await boss.getQueueSize(queue)).toBe(0);
  await queueIn(false);
  expect(await boss.getQueueSize(queue)).toBe(1);
});

shows("Lost connections", "goes on when the writer has cut all of its connections", async () => {
  const { application_name, boss, queue } = await open();
  await boss.createQueue(queue);
  const done: unknown[] = [];
  await boss.work<{ at: string }>(queue, polling, async ([job]) => {
    done.push(job?.data.at);
  });
  await boss.send(queue, { at: "before" });
  await until("the first job is done", () => done.length === 1);
  const cut = await (await shop.connect()).query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
    [application_name],
  );
  expect(cut.rowCount).toBeGreaterThan(0);
  // A write that was on its way when its connection was cut may fail: then it is sent again.
  await until("a job is queued", () => boss.send(queue, { at: "behind" }).catch(() => undefined));
  await until("it is done", () => done.includes("behind"));
});

shows("Shutdown", "lets the job under way end, and leaves nothing", async () => {
  const { application_name, pool, boss, queue, close } = await open();
  await boss.createQueue(queue);
  const steps: string[] = [];
  await boss.work(queue, polling, async () => {
    steps.push("begun");
    await pool.query("select pg_sleep(0.3)");
    await pool.query("insert into authors (name) values ($1)", [randomUUID()]);
    steps.push("ended");
  });
  await boss.send(queue, {});
  await until("the job has begun", () => steps.length === 1);
  await close();
  expect(steps).toEqual(["begun", "ended"]);
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
