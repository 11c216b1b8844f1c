import { randomUUID } from "node:crypto";
import type { Client as PgClient } from "pg";
import { Client, type ClientOptions } from "pointsman/pg";
import { onTestFinished } from "vitest";
import { here, type LocalCluster } from "../support/local-cluster.ts";

/** Options of Clients on the writer and reader endpoints, which share a pool with nobody else's. */
export function ownOptions(local: LocalCluster, options: ClientOptions = {}): ClientOptions {
  const { writer, reader } = local.cluster;
  return {
    connectionString: writer.url,
    ...("reader" in options || "readers" in options ? {} : { reader: reader.url }),
    // The catalog's connections would be among those that a test counts.
    catalog: false,
    application_name: randomUUID(),
    ...options,
  };
}

/** The same, of one server. */
export function ofOneServer(local: LocalCluster, options: ClientOptions = {}): ClientOptions {
  const { reader: _, ...others } = ownOptions(local, options);
  return others;
}

/** A Client that is connected, and ended when the test is over. */
export async function connected(options: ClientOptions): Promise<Client> {
  const client = new Client(options);
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** How many connections there are of these options, on each server. */
export async function connectionsOf(
  local: LocalCluster,
  { application_name }: ClientOptions,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name, url } of local.cluster.servers) {
    const admin = await local.connect(url);
    const { rows } = await admin.query(
      "select count(*)::int as n from pg_stat_activity where application_name = $1",
      [application_name],
    );
    if (rows[0].n > 0) counts[name] = rows[0].n;
  }
  return counts;
}

export async function allConnectionsOf(
  local: LocalCluster,
  options: ClientOptions,
): Promise<number> {
  return Object.values(await connectionsOf(local, options)).reduce((sum, n) => sum + n, 0);
}

/** The server that runs what it reads now. */
export async function whereReads(client: Pick<PgClient, "query">): Promise<string> {
  const { rows } = await client.query<{ server: string }>(`select ${here} as server`);
  return rows[0]?.server ?? "nowhere";
}
