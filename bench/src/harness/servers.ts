import type { Cluster } from "@pointsman/local";

/**
 * URLs of the cluster's servers, by name ("writer", "reader1"…), with nothing in between. With a
 * gateway also the environment that it gives, by the names of the variables.
 */
export type Servers = Readonly<Record<string, string>>;

/** The servers as they are now. */
export function serversOf(cluster: Cluster): Servers {
  const urls = cluster.servers.map((server) => [server.name, server.direct.url]);
  return { ...Object.fromEntries(urls), ...cluster.iam?.environment };
}

/** Adds readers, or removes the last ones, until there are so many, and all have everything. */
export async function haveReaders(cluster: Cluster, count: number): Promise<void> {
  while (cluster.readers.length < count) await cluster.addReader();
  for (const reader of cluster.readers.slice(count)) await cluster.removeReader(reader);
  await cluster.waitForReplay();
}
