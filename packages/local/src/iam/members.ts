import { socketPath } from "../data-folder.ts";
import type { Running } from "../running.ts";
import type { LocalServer } from "../server.ts";
import type { Site } from "../site.ts";
import type { Members } from "./gateway.ts";
import type { Backend } from "./gateway-endpoint.ts";
import { createIamUser, needsToken } from "./roles.ts";

// A gateway knows a server by the object that it was told, so there is one for each.
const backends = new WeakMap<LocalServer, Backend>();

/** A server as a gateway sees it: always the same object for the same server. */
function backendOf({ folder }: Site, server: LocalServer): Backend {
  const known = backends.get(server);
  if (known) return known;
  const { control, direct } = server;
  const backend: Backend = {
    address: direct,
    socketPath: socketPath(folder, direct.port),
    needsToken: (user) => needsToken(control, user),
  };
  backends.set(server, backend);
  return backend;
}

function membersOf(site: Site, { roster, writerEndpoint }: Running): Members {
  const [first, ...others] = roster.forReads;
  return {
    writer: backendOf(site, writerEndpoint.server),
    forReads: [backendOf(site, first), ...others.map((server) => backendOf(site, server))],
    servers: roster.servers.map((server) => backendOf(site, server)),
  };
}

/** Makes the user with `rds_iam`, and opens the gateway where it logs in. */
export async function openIam(
  site: Site,
  running: Running,
  iam: { readonly region: string; readonly user: string },
): Promise<void> {
  const { openGateway } = await import("./gateway.ts");
  const { folder, config } = site;
  const { database, portBase } = config;
  const { writer, servers } = running.roster;
  await createIamUser(writer.control, { user: iam.user, database });
  running.gateway = await openGateway({
    ...iam,
    database,
    folder,
    portBase: portBase === undefined ? undefined : portBase + 2 + servers.length,
    members: membersOf(site, running),
  });
}

/** Has the gateway, if there is one, lead to the servers as they are now. */
export async function rearrange(site: Site, running: Running): Promise<void> {
  await running.gateway?.arrange(membersOf(site, running));
}

/** Breaks all connections to a server that go through the cluster's endpoints. */
export function cutOff(site: Site, running: Running, server: LocalServer): void {
  for (const relay of running.relays) relay.cut(server.direct);
  running.gateway?.cut(backendOf(site, server));
}
