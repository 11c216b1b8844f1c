// A cluster of the program's own, by the package as it is installed.
import { createRequire } from "node:module";
import { startCluster } from "@pointsman/local";
import { createPool } from "pointsman";

const required = createRequire(import.meta.url)("@pointsman/local");
if (typeof required.startCluster !== "function") throw new Error("It cannot be required.");

const cluster = await startCluster({ readers: 1 });
try {
  const pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
  const read = await pool.query("select current_setting('cluster_name') as server");
  const write = await pool.query(
    "select current_setting('cluster_name') as server, set_config('app.name', 'x', false)",
  );
  await pool.end();
  console.log(JSON.stringify([read.rows[0].server, write.rows[0].server]));
} finally {
  await cluster.stop();
}
