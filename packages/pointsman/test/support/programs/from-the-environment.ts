import { createPool } from "pointsman";

// An application that knows nothing of its database but what the environment says.
const pool = createPool();
const server = "current_setting('cluster_name')";
await pool.query("create table if not exists seen (id int)");
const written = await pool.query(`insert into seen values (1) returning ${server} as server`);
const read = await pool.query(`select ${server} as server, current_user as user`);
const client = await pool.connect();
const { encrypted } = (client as unknown as { connection?: { stream: { encrypted?: boolean } } })
  .connection?.stream ?? { encrypted: undefined };
client.release();
console.log(JSON.stringify({ written: written.rows[0], read: read.rows[0], encrypted }));
await pool.end();
