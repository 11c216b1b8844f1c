import { once } from "node:events";
import { createPool } from "pointsman";
import { collectMetrics } from "pointsman/prometheus";
import { collectDefaultMetrics, register } from "prom-client";
import { createApp } from "./app.ts";
import { log } from "./log.ts";

const { PORT = "3000", HOST = "localhost" } = process.env;

// DATABASE_URL and DATABASE_READER_URL say where the writer and the readers are, and
// DATABASE_STATS_SOCKET where `pointsman top` finds the pool. With a bound for the lag of readers it
// is measured beside the reads; without, only when a read asks.
const pool = createPool({ maxLag: "30s", logger: log, slowQuery: "500ms" });
// Connections that are lost while nobody uses them are in the metrics, and in the log with LOG=debug.
pool.on("error", () => {});
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
