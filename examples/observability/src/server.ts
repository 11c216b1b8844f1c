import { once } from "node:events";
import { createPool } from "pointsman";
import { collectMetrics } from "pointsman/prometheus";
import { collectDefaultMetrics, register } from "prom-client";
import { createApp } from "./app.ts";

const { PORT = "3000", HOST = "localhost" } = process.env;

// DATABASE_URL and DATABASE_READER_URL say where the writer and the readers are.
// With a bound for their lag it is measured beside the reads; without, only when a read asks.
const pool = createPool({ maxLag: "30s" });
pool.on("error", (error) => console.error("An idle database connection was lost:", error.message));
collectMetrics(pool, { pool: "shop" });
collectDefaultMetrics();

const server = createApp(pool, register);
server.listen(Number(PORT), HOST);
await once(server, "listening");
console.log(`The shop is open: http://${HOST}:${PORT}, and its metrics are at /metrics.`);

async function close(): Promise<void> {
  // Behind the last request that was under way.
  server.close(() => pool.end());
  server.closeIdleConnections();
}
process.once("SIGTERM", close);
process.once("SIGINT", close);
