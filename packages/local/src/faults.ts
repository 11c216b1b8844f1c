import { cutOff } from "./iam/members.ts";
import { endCleanly, type Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";

/** Kills all processes of a server at once. */
export async function crash(site: Site, running: Running, server: LocalServer): Promise<void> {
  server.endedInOrder = false;
  await server.postmaster.freeze();
  // Before the system says goodbye for it; of a host that is out of reach nobody hears anything.
  if (!server.vanished) cutOff(site, running, server);
  await server.postmaster.kill();
  await server.control.close();
}

/** Stops a server in order. */
export async function shutDown(_: Site, running: Running, server: LocalServer): Promise<void> {
  server.mustAnswer();
  await server.control.close();
  server.endedInOrder = true;
  await endCleanly(server.postmaster);
  running.mustRun();
}

/** Stops all processes of a server where they are. */
export async function freeze(_: Site, __: Running, server: LocalServer): Promise<void> {
  server.mustAnswer();
  // Our own line would wait for an answer.
  await server.control.close();
  await server.postmaster.freeze();
}

/** Takes a server out of everybody's reach. */
export async function vanish(_: Site, running: Running, server: LocalServer): Promise<void> {
  if (server.state !== "frozen") server.mustAnswer();
  await server.control.close();
  server.vanished = true;
  for (const relay of running.relays) relay.silence(server.direct, true);
  // What it has to say to the others of the cluster does not pass a relay.
  await server.postmaster.freeze();
}

/** Puts a server that had vanished back into everybody's reach. */
export function reappear(running: Running, server: LocalServer): void {
  server.vanished = false;
  for (const relay of running.relays) relay.silence(server.direct, false);
}
