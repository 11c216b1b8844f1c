/**
 * Holds connections in every state there is, with no listener for errors on any of them, and lives
 * on when all of them are cut.
 */
import { once } from "node:events";
import { createPool } from "pointsman";

const [, , writer = "", reader = ""] = process.argv;
const pool = createPool({ writer, reader, max: 5, application_name: "cut everywhere" });
const single = createPool({ writer, max: 5, application_name: "cut everywhere" });
const names = ["a write", "a listener", "a transaction", "a read only transaction"];

for (const one of [pool, single]) {
  const [written, listening, open, readOnly] = await Promise.all(names.map(() => one.connect()));
  await written?.query("create temp table mine (id int)");
  await listening?.query("listen news");
  await open?.query("begin");
  await readOnly?.query("begin read only");
  // Idle ones, on both sides.
  await one.query("select 1");
}
const direct = [await pool.writer.connect(), await pool.reader.connect()];
await Promise.all(direct.map((client) => client.query("select 1")));
// Not plain reads, which would be sent again.
const sleep = "do $$ begin perform pg_sleep(60); end $$";
const busy = [single, pool].map((one) => one.query(sleep).catch(() => "failed"));
console.log("ready");

await Promise.all(busy);
await answered(() => pool.query("select 1"));
await answered(() => pool.query({ text: "select 1", target: "writer" }));
await answered(() => single.query("select 1"));
console.log("alive");
/** Asks again while it meets an idle connection whose end nobody has noticed yet: five at most. */
async function answered(ask: () => Promise<unknown>): Promise<void> {
  for (let left = 5; ; left--) {
    try {
      await ask();
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

await once(process.stdin, "data");
process.exit(0);
