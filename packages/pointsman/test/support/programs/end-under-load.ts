// Ends a pool while it is busy, and tells what became of the queries and what is left open.
import { poolOfArguments } from "./pool-of.ts";

const pool = await poolOfArguments({ max: 2 });
const texts = ["select 1", "select pg_backend_pid()", "select pg_sleep(0.001)"];
const before = Array.from({ length: 500 }, (_, n) => pool.query(texts[n % 3] as string));
const ended = pool.end();
const after = Array.from({ length: 50 }, () => pool.query("select 1"));
const [early, late] = await Promise.all([Promise.allSettled(before), Promise.allSettled(after)]);
const answered = early.filter(({ status }) => status === "fulfilled");
const refused = late.filter(({ status }) => status === "rejected");
await ended;
process.on("beforeExit", () => {
  // The pipes that this process writes to are not the pool's.
  const open = process
    .getActiveResourcesInfo()
    .filter((name) => name === "Timeout" || name.startsWith("TCP"));
  console.log(JSON.stringify({ answered: answered.length, refused: refused.length, open }));
  process.removeAllListeners("beforeExit");
});
