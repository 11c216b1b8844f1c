import type { EndpointClient } from "./endpoint-client.ts";
import { clientsOf, idleClients, removeClient } from "./pg-internals.ts";
import type { SettlingPool } from "./settling-pool.ts";

/**
 * Gives up connections that are open: those that nobody uses are closed now, and the others when
 * they are given back.
 */
export function retire(pool: SettlingPool, which: (client: EndpointClient) => boolean): void {
  const idle = new Set(idleClients(pool));
  for (const client of clientsOf(pool) as readonly EndpointClient[]) {
    if (!which(client)) continue;
    if (idle.has(client)) {
      client.life.ends("retired");
      removeClient(pool, client);
    } else client.retire();
  }
}
