// Starts a cluster, prints where it is, and then does what the argument says: "stay", or "leave"
// without stopping it. With "change" it is another cluster by the time that is printed, and stays.
// With "freeze" its servers are frozen.
import { startCluster } from "../../src/index.ts";
import { folderOf } from "../helpers.ts";

const cluster = await startCluster({ readers: 1 });
if (process.argv[2] === "change") {
  const [writer] = cluster.servers;
  const added = await cluster.addReader();
  if (writer) await cluster.restart(writer, { crash: true });
  await cluster.promote(added);
}
const { writer, servers } = cluster;
const pids = servers.map(({ pid }) => pid);
const folder = await folderOf(cluster);
if (process.argv[2] === "freeze") for (const server of servers) await cluster.freeze(server);
process.stdout.write(`${JSON.stringify({ writer: { url: writer.url }, pids, folder })}\n`);
if (process.argv[2] === "leave") process.exit(3);
