import { reappear } from "./faults.ts";
import { cutOff } from "./iam/members.ts";
import { START_TIMEOUT_MS } from "./launch.ts";
import type { Postmaster } from "./postmaster.ts";
import { endAtOnce, endCleanly, type Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";

/** How {@link Cluster.restart} goes about it. */
export interface RestartOptions {
  /**
   * End the server as a crash would: connections break without a word, nothing is written any more,
   * and the server recovers when it starts. Default: false, an orderly shutdown, which tells clients
   * (`57P01`) and lets the readers have everything first.
   */
  readonly crash?: boolean | undefined;
}

const PORT_ATTEMPTS = 20;

/** Ends a server and starts it again where it was. */
export async function restart(
  site: Site,
  running: Running,
  server: LocalServer,
  { crash = false }: RestartOptions,
): Promise<void> {
  if (crash) {
    // Before the server has a chance to say goodbye.
    cutOff(site, running, server);
    if (server.postmaster.frozen) await server.postmaster.kill();
    await server.control.close();
    await endAtOnce([server.postmaster]);
  } else {
    server.postmaster.thaw();
    await server.control.close();
    await endCleanly(server.postmaster);
  }
  await startAgain(site, running, server);
  reappear(running, server);
}

/** Starts a server that has ended, where it was. */
export async function startAgain(site: Site, running: Running, server: LocalServer): Promise<void> {
  server.postmaster = await onItsPort(site, running, server);
  server.endedInOrder = false;
}

/** Starts it on its own port, which somebody may have for a moment: whoever looks for free ones. */
async function onItsPort(
  site: Site,
  running: Running,
  { name, direct: { port } }: LocalServer,
): Promise<Postmaster> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const postmaster = running.start(site, name, port);
    try {
      await postmaster.ready(deadline);
      return postmaster;
    } catch (error) {
      if (!postmaster.portWasTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
