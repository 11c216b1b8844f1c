import type { Cluster, Server } from "@pointsman/local";

/**
 * Tells from the servers' own logs what was sent to readers that only a writer can do. A server
 * that stops being the writer may refuse one statement on each connection that was open: that is
 * how the change is noticed. Any other has no business with a write.
 */
export class Witness {
  readonly #cluster: Cluster;
  readonly #writerBefore: string;
  readonly #writers = new Set<Server>();
  readonly #logged: ReadonlyMap<Server, number>;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#writerBefore = identityOf(cluster.servers[0]);
    this.#logged = new Map(cluster.servers.map((server) => [server, server.log().length]));
    this.look();
  }

  /** Notes who is the writer; to be called after whatever may change it. */
  look(): void {
    this.#writers.add(this.#cluster.servers[0]);
  }

  /** Whether one server has been the writer all the time, and the same process. */
  get sameWriter(): boolean {
    return this.#writers.size === 1 && identityOf(this.#cluster.servers[0]) === this.#writerBefore;
  }

  /** The names of the servers that have been readers all the time. */
  get readers(): readonly string[] {
    return this.#cluster.servers
      .filter((server) => !this.#writers.has(server))
      .map(({ name }) => name);
  }

  /** Writes that a reader was sent. */
  violations(): string[] {
    return this.#cluster.servers.flatMap((server) => {
      const log = server.log().slice(this.#logged.get(server) ?? 0);
      const refusals = [...log.matchAll(refusal)];
      if (!this.#writers.has(server)) {
        return refusals.map(([line]) => `${server.name}, a reader all the time, says: ${line}`);
      }
      const connections = refusals.map(([, pid]) => pid);
      return refusals
        .filter(([, pid], index) => connections.indexOf(pid) < index)
        .map(([line]) => `${server.name} had to refuse twice on a connection: ${line}`);
    });
  }
}

const refusal =
  /^.*\[(\d+)\] ERROR: {2}cannot .*(?:in a read-only transaction|during recovery).*$/gm;

function identityOf({ name, pid }: Server): string {
  return `${name} ${pid}`;
}
