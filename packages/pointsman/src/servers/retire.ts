import type { EndpointClient } from "./endpoint-client.ts";
import { clientsOf, idleClients, removeClient } from "./pg-internals.ts";

/** Connections that nobody uses are closed now, and the others when they are given back. */
export function retireWhere(
  pool: object,
  condition: (client: EndpointClient) => boolean = () => true,
): void {
  const idle = new Set(idleClients(pool));
  for (const client of clientsOf(pool) as readonly EndpointClient[]) {
    if (!condition(client)) continue;
    if (idle.has(client)) removeClient(pool, client);
    else client.retire();
  }
}
