// Loses the connection of a client that nobody listens to, and goes on.
import { poolOfArguments } from "./pool-of.ts";

const pool = await poolOfArguments({ max: 2 });
const [client, other] = await Promise.all([pool.connect(), pool.connect()]);
await client.query("begin");
const { rows } = await client.query("select pg_backend_pid() as pid");
await other.query("select pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
// The connection may be found dead by this statement, or may have been before.
await client.query("select 1").catch((error: Error) => console.log(error.name));
client.release();
other.release();
const after = await pool.query("select 'alive' as word");
console.log(after.rows[0]?.word);
await pool.end();
