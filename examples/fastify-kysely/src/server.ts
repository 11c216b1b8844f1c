import { subscribe } from "node:diagnostics_channel";
import { createPool, type StatementEvent } from "pointsman";
import { createApp } from "./app.ts";

const { PORT = "3000", HOST = "localhost", LOG = "info" } = process.env;

// DATABASE_URL and DATABASE_READER_URL say where the writer and the readers are.
const pool = createPool();
const app = createApp(pool, { logger: { level: LOG } });
pool.on("error", (error) => app.log.warn(error, "An idle database connection was lost."));

if (LOG === "debug") {
  subscribe("pointsman:statement:end", (message) => {
    const { text, target, reason, durationMs } = message as StatementEvent;
    app.log.debug({ target, reason, durationMs }, text);
  });
}

// Behind the last request that was under way.
app.addHook("onClose", () => pool.end());
process.once("SIGTERM", () => app.close());
process.once("SIGINT", () => app.close());

await app.listen({ port: Number(PORT), host: HOST });
