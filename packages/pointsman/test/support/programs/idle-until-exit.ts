// Uses both sides of a pool and does not end it: the process is over when nothing is left to do.
import { poolOfArguments } from "./pool-of.ts";

const pool = await poolOfArguments({ allowExitOnIdle: true, idleTimeoutMillis: 60_000 });
await Promise.all([pool.query("select 1"), pool.query("select pg_backend_pid()")]);
const client = await pool.connect();
await client.query("select 1");
await client.query("select pg_backend_pid()");
client.release();
console.log("idle");
