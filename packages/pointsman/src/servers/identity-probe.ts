import type { Client, ClientConfig } from "pg";
import type { ClusterIdentity } from "./cluster-identity.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { internals, unref } from "./pg-internals.ts";
import type { SettlingPool } from "./settling-pool.ts";

/** How long the writer may take to answer, in milliseconds. */
const deadlineMillis = 5000;

/** Asks the writer for its identity, on a connection beside its pool that keeps nothing alive. */
export class IdentityProbe {
  readonly #writer: SettlingPool;
  readonly #systemOf: (client: EndpointClient) => Promise<string | undefined>;
  #client: Client | undefined;
  #ended = false;

  /** @param systemOf - asks a connection for the system identifier of its cluster */
  constructor(
    writer: SettlingPool,
    systemOf: (client: EndpointClient) => Promise<string | undefined>,
  ) {
    this.#writer = writer;
    this.#systemOf = systemOf;
  }

  /** Never rejects: without an answer the identity stays unknown, and is asked for again later. */
  async ask(identity: ClusterIdentity): Promise<void> {
    if (this.#ended) return;
    const { Client: Probe, options } = this.#writer;
    const client = new (Probe as new (options: ClientConfig) => Client)(options);
    this.#client = client;
    const deadline = setTimeout(() => this.#cut(), deadlineMillis).unref();
    try {
      const connected = client.connect();
      unref(client);
      await connected;
      await identity.learn("writer", "", await this.#systemOf(client as Client & EndpointClient));
      await client.end();
    } catch {
      this.#cut();
    } finally {
      clearTimeout(deadline);
      this.#client = undefined;
    }
  }

  /** Gives up what is under way, for good. */
  end(): void {
    this.#ended = true;
    this.#cut();
  }

  #cut(): void {
    const client = this.#client;
    if (client !== undefined) internals(client).connection?.stream.destroy();
  }
}
