import { createPool } from "pointsman";
import { startConfirmations } from "./confirmations.ts";
import { connectRedis } from "./redis.ts";

const pool = createPool();
pool.on("error", (error) => console.error("An idle database connection was lost:", error.message));
const redis = await connectRedis();
const worker = startConfirmations(pool, redis);
worker.on("completed", ({ data }) => console.log(`Order ${data.orderId} is confirmed.`));
worker.on("failed", (_job, error) => console.error(error.message));

let closing = false;
async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  await worker.close();
  redis.destroy();
  await pool.end();
}
process.on("SIGTERM", close);
process.on("SIGINT", close);
