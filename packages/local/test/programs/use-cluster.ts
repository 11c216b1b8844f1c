// Starts a cluster, replicates a row, stops the cluster, and prints what the reader answered.
import { Client } from "pg";
import { startCluster } from "../../src/index.ts";

const cluster = await startCluster({ readers: 1, bin: process.argv[2] });
const writer = new Client({ connectionString: cluster.writer.url });
await writer.connect();
await writer.query("CREATE TABLE t AS SELECT 42 AS answer");
await writer.end();
await cluster.waitForReplay();
const reader = new Client({ connectionString: cluster.reader.url });
await reader.connect();
const { rows } = await reader.query("SELECT answer FROM t");
await reader.end();
await cluster.stop();
process.stdout.write(`${JSON.stringify({ uid: process.getuid?.(), rows })}\n`);
