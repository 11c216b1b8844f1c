// Lets each new connection and client LISTEN, which readers refuse, and goes on.
import { poolOfArguments } from "./pool-of.ts";

const pool = await poolOfArguments({ max: 1 });
const told: string[] = [];
pool.on("error", (error) => told.push((error as Error & { code?: string }).code ?? error.message));
pool.on("connect", (client) => {
  client.query("listen news");
});
const answers = [await pool.query("select 1 as n")];
const client = await pool.connect();
answers.push(await client.query("select 1 as n"));
client.release();
answers.push(await pool.query("select 1 as n"));
await pool.end();
console.log(JSON.stringify({ answers: answers.map(({ rows }) => rows[0].n), told }));
