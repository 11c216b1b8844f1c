import type { Client } from "pg";
import type { Target } from "../routing/route.ts";
import type { EndpointAddresses } from "./endpoint-addresses.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { lookAtSilence } from "./look-at-silence.ts";
import { clientsOf } from "./pg-internals.ts";
import type { ProbeConnections } from "./probe-connection.ts";
import type { SettlingPool } from "./settling-pool.ts";
import type { Front } from "./sides.ts";
import { SilenceWatch } from "./silence-watch.ts";

/** One side, as far as its servers may vanish. */
interface Audible {
  readonly side: Target;
  readonly pool: SettlingPool;
  readonly addresses: EndpointAddresses;
  readonly gone: (client: EndpointClient, error: Error) => void;
}

/** Listens for servers that vanish without a word. */
export function listenForSilence(
  sides: readonly Audible[],
  probes: ProbeConnections,
  { serverOf, meet }: Front,
): SilenceWatch {
  // By what the connection was made for: its pool may have let go of it already.
  const sideOf = ({ side }: EndpointClient): Audible =>
    sides.find((one) => one.side === side) as Audible;
  const silence = new SilenceWatch({
    pools: sides.map(({ pool }) => pool),
    look: (client, hurry) => {
      const { pool, addresses } = sideOf(client);
      const another = (one: EndpointClient): Client => probes.beside(one, addresses, pool.options);
      return lookAtSilence(client, { pool, probes, another, serverOf, meet }, hurry);
    },
    companionsOf: (client) => {
      const server = serverOf(client);
      const all = clientsOf(sideOf(client).pool) as readonly EndpointClient[];
      if (server !== undefined) return all.filter((one) => serverOf(one) === server);
      return all.filter(({ address }) => address === client.address);
    },
    gone: (client, error) => sideOf(client).gone(client, error),
  });
  for (const { pool } of sides) pool.watches.push(silence);
  return silence;
}
