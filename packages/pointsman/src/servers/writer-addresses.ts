import type { ClientConfig } from "pg";
import type { Endpoint } from "../config/endpoint.ts";
import { type EndpointAddress, EndpointAddresses } from "./endpoint-addresses.ts";

/** How long the endpoint itself is not tried when another server was found to be the writer. */
const leadMillis = 30_000;

/**
 * Where the writer may be: at its endpoint, and, while that still leads to the old one, at any of
 * the readers' that was promoted.
 */
export class WriterAddresses extends EndpointAddresses {
  readonly #endpoint: EndpointAddress;
  #leading: EndpointAddress;
  #until = 0;

  /**
   * @param sideOptions - what connections to each of them have in common
   * @param others - endpoints of the same cluster that the writer's user can log in to
   */
  constructor(writer: Endpoint, sideOptions: ClientConfig, others: readonly Endpoint[] = []) {
    super([writer, ...others], sideOptions);
    this.#endpoint = this.all[0] as EndpointAddress;
    this.#leading = this.#endpoint;
  }

  /** New connections go there. */
  lead(address: EndpointAddress): void {
    this.#leading = address;
    this.#until = performance.now() + leadMillis;
  }

  override pick(): EndpointAddress {
    if (this.#leading !== this.#endpoint && performance.now() > this.#until) {
      this.#leading = this.#endpoint;
    }
    return this.#leading;
  }
}
