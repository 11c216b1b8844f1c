import type { Client } from "pg";
import type { EndpointAddress } from "./endpoint-addresses.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import type { ProbeConnections } from "./probe-connection.ts";

const firstMillis = 500;
const longestMillis = 15_000;
/** How long one attempt may take, in milliseconds. */
const attemptMillis = 2000;

/**
 * Tries endpoints that could not be reached, beside the callers' path, until they can: no caller
 * waits for one to find out.
 */
export class Readmission {
  readonly #probes: ProbeConnections;
  readonly #make: (address: EndpointAddress) => Client;
  readonly #isFit: (client: EndpointClient) => Promise<boolean>;
  readonly #timers = new Map<EndpointAddress, NodeJS.Timeout>();
  #ended = false;

  /**
   * @param make - makes a connection to that endpoint, which is not connected
   * @param isFit - whether the server that it has reached may serve reads
   */
  constructor(
    probes: ProbeConnections,
    make: (address: EndpointAddress) => Client,
    isFit: (client: EndpointClient) => Promise<boolean>,
  ) {
    this.#probes = probes;
    this.#make = make;
    this.#isFit = isFit;
  }

  /** An endpoint cannot be reached. */
  watch(address: EndpointAddress, pause = firstMillis): void {
    if (this.#ended || address.gone || this.#timers.has(address)) return;
    // Many processes have lost it at the same moment, and shall not come back at the same moment.
    const jittered = pause * (0.75 + Math.random() / 2);
    const timer = setTimeout(() => void this.#try(address, pause), jittered).unref();
    this.#timers.set(address, timer);
  }

  end(): void {
    this.#ended = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  async #try(address: EndpointAddress, pause: number): Promise<void> {
    if (address.gone) {
      this.#timers.delete(address);
      return;
    }
    // A caller may have found out meanwhile.
    const there =
      address.available ||
      (await this.#probes.look(() => this.#make(address), attemptMillis, this.#isFit)) === true;
    this.#timers.delete(address);
    if (there) address.readmit();
    else this.watch(address, Math.min(longestMillis, pause * 2));
  }
}
