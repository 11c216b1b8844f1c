import { rm } from "node:fs/promises";
import { cutOff, rearrange } from "./iam/members.ts";
import { endCleanly, type Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import { dataOf, logOf, type Site } from "./site.ts";

/** Takes a server out of the cluster: no endpoint leads to it any more, and it is gone. */
export async function removeServer(
  site: Site,
  running: Running,
  server: LocalServer,
): Promise<void> {
  running.roster.remove(server);
  await server.release();
  await endCleanly(server.postmaster);
  // Those that have not seen by themselves that the server is gone.
  cutOff(site, running, server);
  await rearrange(site, running);
  running.relays.delete(server.relay);
  await server.relay.close();
  for (const path of [dataOf(site, server.name), logOf(site, server.name)]) {
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
}
