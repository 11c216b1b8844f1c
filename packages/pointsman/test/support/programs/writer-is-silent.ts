import { createPool } from "pointsman";

// Reads from a reader whose writer accepts connections and says nothing, and comes to its end.
const [, , writer, reader, how] = process.argv;
const pool = createPool({
  writer,
  reader,
  allowExitOnIdle: how === "idle",
  connectionTimeoutMillis: 4000,
});
const { rows } = await pool.query("select current_setting('cluster_name') as server");
console.log(rows[0].server);
if (how === "end") await pool.end();
