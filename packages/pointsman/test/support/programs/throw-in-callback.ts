// Throws in callbacks of queries, on the pool and on a client, and goes on.
import { poolOfArguments } from "./pool-of.ts";

const uncaught: unknown[] = [];
process.on("uncaughtException", (error) => uncaught.push(error.message));

const pool = await poolOfArguments({ max: 1 });
for (const text of ["select 1", "select pg_backend_pid()"]) {
  pool.query(text, () => {
    throw new Error(`of the pool: ${text}`);
  });
}
await pool.query("select pg_backend_pid()");
const client = await pool.connect();
for (const text of ["select 1", "select pg_backend_pid()"]) {
  client.query(text, () => {
    throw new Error(`of a client: ${text}`);
  });
}
const { rows } = await client.query("select pg_backend_pid() as pid");
client.release();
const after = await pool.query("select 1 as one");
console.log(JSON.stringify({ uncaught: uncaught.sort(), served: rows.length + after.rows.length }));
await pool.end();
