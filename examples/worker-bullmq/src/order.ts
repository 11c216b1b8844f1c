import { Queue } from "bullmq";
import { createPool } from "pointsman";
import { type ConfirmJob, placeOrder, queueName } from "./orders.ts";
import { connectRedis } from "./redis.ts";

const [email = "ada@example.com", title = "Sketch of the Analytical Engine"] =
  process.argv.slice(2);

const pool = createPool();
const redis = await connectRedis();
const queue = new Queue<ConfirmJob>(queueName, { connection: redis });
console.log(`Order ${await placeOrder(pool, queue, email, title)} is taken.`);
await queue.close();
redis.destroy();
await pool.end();
