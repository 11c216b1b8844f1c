import { subscribe } from "node:diagnostics_channel";
import { createPool, type StatementEvent } from "pointsman";
import { createApp } from "./app.ts";
import { listen } from "./listen.ts";

const { PORT = "3000", HOST = "localhost", LOG } = process.env;

if (LOG === "statements") {
  subscribe("pointsman:statement:end", (message) => {
    const { text, target, reason } = message as StatementEvent;
    console.log(`${target} (${reason}): ${text}`);
  });
}

// DATABASE_URL and DATABASE_READER_URL say where the writer and the readers are.
const pool = createPool();
pool.on("error", (error) => console.error("An idle database connection was lost:", error.message));
const shop = await listen(createApp(pool), Number(PORT), HOST);
console.log(`The shop is open at ${shop.url}`);

let closing = false;
async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  await shop.close();
  await pool.end();
}
process.on("SIGTERM", close);
process.on("SIGINT", close);
