import { type Cluster, startCluster } from "@pointsman/local";
import { Queue, type Worker } from "bullmq";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  hasRedis,
  needsRedis,
  type RedisServer,
  startRedis,
} from "../../../packages/pointsman/test/support/redis-server.ts";
import { until } from "../../../packages/pointsman/test/support/waiting.ts";
import { startConfirmations } from "../src/confirmations.ts";
import { type ConfirmJob, placeOrder, queueName } from "../src/orders.ts";
import { connectRedis } from "../src/redis.ts";
import { createSchema } from "../src/schema.ts";

describe.skipIf(!hasRedis)(`the worker (${needsRedis})`, () => {
  let cluster: Cluster;
  let server: RedisServer;
  let redis: Awaited<ReturnType<typeof connectRedis>>;
  /** Of the web server, and of the worker: two processes, as far as positions go. */
  let web: Pool;
  let back: Pool;
  let queue: Queue<ConfirmJob>;
  let worker: Worker<ConfirmJob>;

  beforeAll(async () => {
    [cluster, server] = await Promise.all([
      startCluster({ readers: 1, logStatements: true }),
      startRedis(),
    ]);
    redis = await connectRedis(server.url);
    const endpoints = { writer: cluster.writer.url, reader: cluster.reader.url };
    web = createPool(endpoints);
    back = createPool(endpoints);
    await createSchema(web);
    await cluster.waitForReplay();
    queue = new Queue<ConfirmJob>(queueName, { connection: redis });
    worker = startConfirmations(back, redis);
    await worker.waitUntilReady();
  });

  afterAll(async () => {
    await worker?.close();
    await queue?.close();
    redis?.destroy();
    await Promise.all([web?.end(), back?.end()]);
    await Promise.all([cluster?.stop(), server?.stop()]);
  });

  async function mailOf(orderId: number): Promise<string> {
    return until("the mail is written", async () => {
      const failed = await queue.getFailed();
      if (failed.length > 0) throw new Error(failed[0]?.failedReason);
      const { rows } = await web.query({
        text: "select body from mails where order_id = $1",
        values: [orderId],
        target: "writer",
      });
      return rows[0]?.body;
    });
  }

  const readsOnReader = (): number =>
    (cluster.readers[0]?.log().match(/select email, title from orders/g) ?? []).length;

  test("reads an order on a reader that has it", async () => {
    await worker.pause();
    const before = readsOnReader();
    const id = await placeOrder(web, queue, "ada@example.com", "Notes");
    await cluster.waitForReplay();
    worker.resume();
    expect(await mailOf(id)).toBe("Thank you for ordering “Notes”.");
    expect(readsOnReader()).toBe(before + 1);
  });

  test("finds an order that no reader has yet", async () => {
    await cluster.pauseReplay();
    try {
      const id = await placeOrder(web, queue, "ada@example.com", "Poems");
      expect(await mailOf(id)).toBe("Thank you for ordering “Poems”.");
    } finally {
      await cluster.resumeReplay();
    }
  });

  test("carries the token in the payload, and nothing else of the session", async () => {
    await worker.pause();
    const id = await placeOrder(web, queue, "ada@example.com", "Letters");
    const [job] = await queue.getWaiting();
    expect(job?.data).toEqual({ orderId: id, pointsmanToken: expect.any(String) });
    worker.resume();
    await mailOf(id);
  });

  test("would miss the order without the token", async () => {
    await cluster.pauseReplay();
    try {
      const { rows } = await web.query(
        "insert into orders (email, title) values ('ada@example.com', 'Sonnets') returning id",
      );
      const job = await queue.add("confirm", { orderId: rows[0].id });
      await until("the job has failed", () => job.isFailed());
      await job.remove();
    } finally {
      await cluster.resumeReplay();
    }
  });
});
