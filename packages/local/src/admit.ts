import type { Address } from "./address.ts";
import { freePorts } from "./free-port.ts";
import type { ClusterConfig } from "./options.ts";
import type { Postmaster } from "./postmaster.ts";
import { Relay } from "./relay.ts";
import type { Running } from "./running.ts";
import { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";

const PORT_ATTEMPTS = 5;

/**
 * Opens a relay that is closed with the cluster.
 *
 * @param offset from the first port of the cluster, if it has one; `undefined`: any free port
 * @throws ClusterError `PORT_IN_USE`
 */
export async function openRelay(
  { config }: Site,
  running: Running,
  target: () => Address,
  offset?: number,
): Promise<Relay> {
  const { portBase } = config;
  const relay =
    portBase === undefined || offset === undefined
      ? await onFreePort(target)
      : await Relay.listen(target, portBase + offset);
  running.relays.add(relay);
  return relay;
}

/**
 * Not on a port that the system chooses: those are where outgoing connections come from, and one of
 * them may have it while the relay refuses connections.
 */
async function onFreePort(target: () => Address): Promise<Relay> {
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freePorts(1);
    try {
      return await Relay.listen(target, port);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/**
 * Takes a running server into the cluster, with an endpoint in front of it.
 *
 * @param follows the server that it follows; absent for the writer
 * @param offset as for {@link openRelay}
 */
export async function admit(
  site: Site,
  running: Running,
  postmaster: Postmaster,
  follows: LocalServer | undefined,
  offset?: number,
): Promise<LocalServer> {
  const { config, folder } = site;
  const address: Address = { host: "127.0.0.1", port: postmaster.port };
  const direct = { ...address, url: databaseUrl(config, address) };
  const relay = await openRelay(site, running, () => direct, offset);
  const server = new LocalServer({
    name: postmaster.name,
    role: follows === undefined ? "writer" : "reader",
    postmaster,
    follows,
    relay,
    url: databaseUrl(config, relay),
    direct,
    // Not even the superuser has a password any more that works, once it is in rds_iam.
    control: config.iam ? { host: folder, port: address.port } : address,
    credentials: config,
  });
  running.roster.add(server);
  return server;
}

/** The URL of the application's database at an address. */
export function databaseUrl(
  { user, password, database }: ClusterConfig,
  { host, port }: Address,
): string {
  const [name, secret, path] = [user, password, database].map(encodeURIComponent);
  return `postgres://${name}:${secret}@${host}:${port}/${path}`;
}
