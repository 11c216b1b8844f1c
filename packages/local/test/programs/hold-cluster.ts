// Starts a cluster, prints where it is, and then does what the argument says: "stay", or "leave"
// without stopping it.
import { startCluster } from "../../src/index.ts";

const cluster = await startCluster({ readers: 1 });
const { writer, servers } = cluster;
const pids = servers.map(({ pid }) => pid);
process.stdout.write(`${JSON.stringify({ writer: { url: writer.url }, pids })}\n`);
if (process.argv[2] === "leave") process.exit(3);
