import { createClient } from "redis";

/** A connected client for BullMQ, which makes more of its kind by itself. */
export async function connectRedis(url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379") {
  const client = createClient({ url });
  client.on("error", (error: Error) => console.error("Redis:", error.message));
  await client.connect();
  return client;
}
