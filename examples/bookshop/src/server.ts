import { createPool } from "pointsman";
import { createApp } from "./app.ts";
import { listen } from "./listen.ts";

// Where the writer and the readers are comes from the environment: DATABASE_URL and
// DATABASE_READER_URL. Nothing else in this application knows that there is more than one server.
// With DATABASE_READ_ONLY=1 it is the public shop window, where reviews are all that is written.
const pool = createPool({ allowWritesTo: ["reviews"] });
pool.on("error", (error) => console.error("An idle database connection was lost:", error.message));

const { PORT = "3000" } = process.env;
const shop = await listen(createApp(pool), Number(PORT));
console.log(`The bookshop is open at ${shop.url}`);

let closing = false;
async function close(signal: NodeJS.Signals): Promise<void> {
  if (closing) return;
  closing = true;
  console.log(`${signal}: closing the bookshop…`);
  await shop.close();
  await pool.end();
}
process.on("SIGTERM", close);
process.on("SIGINT", close);
