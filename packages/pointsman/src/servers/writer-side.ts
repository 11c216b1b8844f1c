import { setTimeout as delay } from "node:timers/promises";
import type { EndpointAddress } from "./endpoint-addresses.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { findWriter } from "./find-writer.ts";
import { type Examined, NotTheWriter } from "./not-the-writer.ts";
import type { ProbeConnections } from "./probe-connection.ts";
import { retire } from "./retire.ts";
import type { SettlingPool } from "./settling-pool.ts";
import type { WriterAddresses } from "./writer-addresses.ts";
import { WriterGate } from "./writer-gate.ts";

/** How long one look at a server may take while the writer is looked for, in milliseconds. */
const lookMillis = 2000;
/** How soon the search is begun again that has led to no writer, in milliseconds; then twice that. */
const firstPauseMillis = 10;
const longestPauseMillis = 400;

/** What stands before the writer's connections. */
export interface WriterSide {
  /** The pool whose listeners hear of a search. */
  readonly owner: object;
  readonly pool: SettlingPool;
  readonly addresses: WriterAddresses;
  readonly probes: ProbeConnections;
  /** How long whoever wants the writer waits for it, in milliseconds. */
  readonly timeoutMillis: number;
  /** It is looked for only once somebody has needed it. */
  readonly onDemand: boolean;
  /** What a server is now, asked on a connection to it. */
  readonly examine: (client: EndpointClient) => Promise<Examined>;
  /** The newest timeline that is known; 0: none. */
  readonly timeline: () => number;
  /** Called when the writer begins to be looked for. */
  readonly lost: () => void;
}

/** Puts a gate before a pool that leads to the writer. */
export function gateFor({
  owner,
  pool,
  addresses,
  probes,
  timeoutMillis,
  onDemand,
  examine,
  timeline,
  lost,
}: WriterSide): WriterGate {
  const attempt = (
    address: EndpointAddress,
    failed: (error: Error) => void,
  ): Promise<number | undefined> =>
    probes.look(
      () => probes.at(address, "writer", addresses, pool.options),
      lookMillis,
      async (client) => {
        const { role, timeline } = await examine(client);
        if (role === "writer") return timeline;
        failed(new NotTheWriter(address.name, role));
        return undefined;
      },
      failed,
    );
  const gate = new WriterGate({
    owner,
    timeoutMillis,
    onDemand,
    endpoint: addresses.all[0]?.name ?? "",
    isThere: async () => (await attempt(addresses.pick(), () => {})) !== undefined,
    retire: () => retire(pool, () => true),
    search: async (signal, failed) => {
      lost();
      const before = timeline();
      for (let pause = firstPauseMillis; ; pause = Math.min(longestPauseMillis, pause * 2)) {
        const found = await findWriter(
          () => addresses.all,
          (address) => attempt(address, failed),
          before,
          signal,
        );
        if (found === undefined) return "";
        addresses.lead(found);
        // One connection by itself is open sooner than the first of many, and it may show that the
        // address has led to the writer only for a moment.
        const problem = await pool.openOne(lookMillis);
        if (problem === undefined || !gate.mayPass(problem)) return found.name;
        failed(problem);
        await delay(pause);
      }
    },
  });
  return gate;
}
