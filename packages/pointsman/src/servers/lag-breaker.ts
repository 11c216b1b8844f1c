import type { Client } from "pg";
import type { EndpointClient } from "./endpoint-client.ts";
import { clientsOf, idleClients, isQuiet, isUsable } from "./pg-internals.ts";
import type { ProbeConnections } from "./probe-connection.ts";
import { ReaderLags } from "./reader-lags.ts";
import { retire } from "./retire.ts";
import type { SettlingPool } from "./settling-pool.ts";
import { waitUntil } from "./wait-until.ts";

/** The least and the most time between two looks, in milliseconds. */
const pauseMillis = { least: 50, most: 1000 } as const;
/** Looks without any use of the readers after which it goes to sleep. */
const idleLooks = 3;
/** How long the writer may take to say where it stands, in milliseconds. */
const writerMillis = 300;
/** How long a look by a connection of its own may take, in milliseconds. */
const lookMillis = 2000;

/** What the breaker needs of the readers. */
export interface LaggingReaders {
  readonly pool: SettlingPool;
  readonly maxLagMillis: number;
  readonly probes: ProbeConnections;
  /** Another connection to where this one was opened to, which is not connected. */
  readonly another: (client: EndpointClient) => Client;
  /** What tells servers apart. */
  readonly serverOf: (client: EndpointClient) => object | undefined;
  /** The same of a new connection, asked there. */
  readonly meet: (client: EndpointClient) => Promise<object | undefined>;
  /** Asks the writer where it stands. */
  readonly askWriter: () => Promise<unknown>;
  /** How far the server of a connection is behind that at least, in milliseconds, if it can tell. */
  readonly measureLag: (client: EndpointClient) => Promise<number | undefined>;
}

/**
 * Keeps reads away from readers that are too far behind the writer. It looks at them beside the
 * callers' path, as long as they are used.
 */
export class LagBreaker {
  readonly #readers: LaggingReaders;
  readonly #pauseMillis: number;
  #timer: NodeJS.Timeout | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isWriterSilent = false;
  #used = false;
  #idle = 0;
  #ended = false;

  constructor(readers: LaggingReaders) {
    this.#readers = readers;
    const { least, most } = pauseMillis;
    this.#pauseMillis = Math.max(least, Math.min(most, readers.maxLagMillis / 4));
  }

  /** A reader is about to be used. */
  readonly wake = (): void => {
    this.#used = true;
    if (this.#timer !== undefined || this.#ended) return;
    this.#idle = 0;
    this.#schedule();
  };

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** @throws ReaderLags when a connection leads to a reader that is too far behind */
  async admit(client: EndpointClient): Promise<void> {
    await this.#askWriter();
    await this.#judge(client);
  }

  /** Whether a server is near enough, or nobody can tell. */
  async isNear(client: EndpointClient): Promise<boolean> {
    await this.#askWriter();
    return ((await this.#readers.measureLag(client)) ?? 0) <= this.#readers.maxLagMillis;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.#look().then(() => {
        this.#idle = this.#used ? 0 : this.#idle + 1;
        this.#used = false;
        this.#timer = undefined;
        if (this.#idle < idleLooks && !this.#ended) this.#schedule();
      });
    }, this.#pauseMillis).unref();
  }

  /** Learns where the writer stands, unless that is known, or cannot be learnt now. */
  async #askWriter(): Promise<void> {
    if (performance.now() - this.#askedAt < this.#pauseMillis) return;
    this.#askedAt = performance.now();
    const answered = this.#readers.askWriter().then(() => {
      this.#isWriterSilent = false;
    });
    // Readers serve while there is no writer: none of their callers waits for it twice.
    if (this.#isWriterSilent) return;
    this.#isWriterSilent = true;
    await waitUntil(answered, performance.now() + writerMillis);
  }

  async #look(): Promise<void> {
    await this.#askWriter();
    await Promise.all(this.#oneOfEach().map((client) => this.#lookAt(client)));
  }

  /** One connection to each server: an idle one where there is one. */
  #oneOfEach(): readonly EndpointClient[] {
    const { pool, serverOf } = this.#readers;
    const found = new Map<object, EndpointClient>();
    const idle = idleClients(pool) as readonly EndpointClient[];
    for (const client of [...idle, ...(clientsOf(pool) as readonly EndpointClient[])]) {
      const server = serverOf(client);
      if (server !== undefined && !found.has(server)) found.set(server, client);
    }
    return [...found.values()];
  }

  async #lookAt(client: EndpointClient): Promise<void> {
    const { probes, another, pool } = this.#readers;
    const isFree = idleClients(pool).includes(client) && isQuiet(client) && isUsable(client);
    // A server that does not answer is not this breaker's business.
    if (isFree) await this.#judge(client).catch(() => {});
    else
      await probes.look(
        () => another(client),
        lookMillis,
        (probe) => this.#judge(probe),
      );
  }

  /** @throws ReaderLags */
  async #judge(client: EndpointClient): Promise<void> {
    const { measureLag, maxLagMillis, serverOf, meet, pool } = this.#readers;
    const lag = (await measureLag(client)) ?? 0;
    if (lag <= maxLagMillis) return;
    const error = new ReaderLags(client.endpointName, lag, maxLagMillis);
    // Behind an endpoint another look may have reached another server.
    const server = serverOf(client) ?? (await meet(client));
    client.address.vanished(error);
    retire(pool, (one) => serverOf(one) === server);
    throw error;
  }
}
