import type { Client, ClientConfig } from "pg";
import { dial } from "../config/hostaddr.ts";
import type { Target } from "../routing/route.ts";
import { type EndpointAddress, type EndpointAddresses, withShown } from "./endpoint-addresses.ts";
import {
  type EndpointClient,
  type EndpointTraits,
  endpointClientClass,
} from "./endpoint-client.ts";
import type { PgCalls } from "./pg-calls.ts";
import { internals, unref } from "./pg-internals.ts";

/** How long a deadline waits for what has arrived already while this process stood still. */
const graceMillis = 20;

type ClientClass = new (config?: ClientConfig) => Client;

/** Connections beside a pool, to look at a server. They keep no process running. */
export class ProbeConnections {
  readonly #open = new Set<Client>();
  readonly #baseClass: ClientClass | undefined;
  readonly #calls: PgCalls;
  readonly #classes = new WeakMap<EndpointAddress, ClientClass>();
  #ended = false;

  /**
   * @param baseClass - the application's own class of clients, if it has given one
   * @param calls - how `pg` is asked: as by the pool beside which they are
   */
  constructor(baseClass: ClientClass | undefined, calls: PgCalls) {
    this.#baseClass = baseClass;
    this.#calls = calls;
  }

  /** Makes a connection to one address of a side, which is not opened yet. */
  at(
    address: EndpointAddress,
    side: Target,
    addresses: EndpointAddresses,
    options: ClientConfig,
  ): Client {
    const made = this.#classes.get(address);
    const ClientAt =
      made ??
      this.#classFor(side, {
        pick: () => address,
        configure: (config) => addresses.configure(config, address),
      });
    if (made === undefined) this.#classes.set(address, ClientAt);
    return new ClientAt(options);
  }

  /** Makes another connection to the very host that a connection has reached, not opened yet. */
  beside(client: EndpointClient, addresses: EndpointAddresses, options: ClientConfig): Client {
    const host = internals(client).connection?.stream.remoteAddress;
    const { address, side } = client;
    if (host === undefined) return this.at(address, side, addresses, options);
    const configure = (config?: ClientConfig): ClientConfig | undefined => {
      const led = addresses.configure(config, address);
      return led?.stream === undefined ? withShown(led, { stream: () => dial(host) }) : led;
    };
    return new (this.#classFor(side, { pick: () => address, configure }))(options);
  }

  #classFor(side: Target, addresses: EndpointTraits["addresses"]): ClientClass {
    return endpointClientClass(this.#baseClass, {
      side,
      calls: this.#calls,
      addresses,
      watch: (_client, query) => ({ query, known: undefined, answered: (error) => error }),
      setUpFailed: () => {},
      abandoned: () => {},
    });
  }

  /**
   * Opens a connection, looks at it and closes it.
   *
   * @param make - makes the client, which is not connected
   * @param deadlineMillis - for all of it
   * @returns `undefined` when it could not be opened, or took too long
   */
  async look<Found>(
    make: () => Client,
    deadlineMillis: number,
    see: (client: Client & EndpointClient) => Promise<Found>,
    failed: (error: Error) => void = () => {},
  ): Promise<Found | undefined> {
    if (this.#ended) return undefined;
    const client = make() as Client & EndpointClient;
    client.life.hide();
    this.#open.add(client);
    let deadline = setTimeout(() => {
      deadline = setTimeout(cut, graceMillis, client).unref();
    }, deadlineMillis).unref();
    try {
      const connected = client.connect();
      unref(client);
      await connected;
      return await see(client);
    } catch (error) {
      failed(error as Error);
      return undefined;
    } finally {
      clearTimeout(deadline);
      this.#open.delete(client);
      close(client);
    }
  }

  /** Gives up what is under way, for good. */
  end(): void {
    this.#ended = true;
    for (const client of this.#open) {
      (client as Client & EndpointClient).endsWithPool = true;
      cut(client);
    }
  }
}

/** What a pool's connections are made with, made once more. */
export function anotherOf(pool: { readonly Client: unknown; readonly options: object }): Client {
  return new (pool.Client as ClientClass)(pool.options);
}

/** Says goodbye, and does not wait for an answer. */
function close(client: Client): void {
  client.end().catch(() => {});
  setTimeout(cut, 1000, client).unref();
}

function cut(client: Client): void {
  internals(client).connection?.stream.destroy();
}
