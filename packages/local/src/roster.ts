import { ClusterError } from "./errors.ts";
import type { LocalServer, Server } from "./server.ts";

/** Who is in a cluster, and who is the writer. */
export class Roster {
  #writer: LocalServer | undefined;
  #servers: readonly LocalServer[] = [];
  #added = 0;

  /** The writer, then the readers in order, then writers whose place another one has taken. */
  get servers(): readonly LocalServer[] {
    const place = (server: LocalServer): number => {
      if (server === this.#writer) return 0;
      return server.role === "reader" ? 1 : 2;
    };
    return [...this.#servers].sort((one, other) => place(one) - place(other));
  }

  get readers(): readonly LocalServer[] {
    return this.#servers.filter(({ role }) => role === "reader");
  }

  /** How many have ever been added. */
  get added(): number {
    return this.#added;
  }

  /** The writer, also while it is gone and nobody has taken its place. */
  get writer(): LocalServer {
    if (this.#writer === undefined) throw new TypeError("the writer has not been added yet");
    return this.#writer;
  }

  /** Where the reader endpoint leads: without readers, to the writer. */
  get forReads(): readonly [LocalServer, ...LocalServer[]] {
    const [first = this.writer, ...others] = this.readers;
    return [first, ...others];
  }

  /** @throws ClusterError `INVALID_OPTION` when a server is not in the cluster */
  find(server: Server): LocalServer {
    const found = this.#servers.find((one) => one === server);
    if (found) return found;
    throw new ClusterError(
      "INVALID_OPTION",
      `The server ${server.name} is not in this cluster, or not any more. Take one of its servers.`,
    );
  }

  /** @throws ClusterError `INVALID_OPTION` when a server is not a reader in the cluster */
  findReader(reader: Server): LocalServer {
    const found = this.find(reader);
    if (found.role === "reader") return found;
    throw new ClusterError(
      "INVALID_OPTION",
      `The server ${found.name} is a writer. Take one of the cluster's readers.`,
    );
  }

  /** Adds a server; the first one is the writer. */
  add(server: LocalServer): void {
    this.#writer ??= server;
    this.#added += 1;
    this.#servers = [...this.#servers, server];
  }

  remove(server: LocalServer): void {
    this.#servers = this.#servers.filter((one) => one !== server);
  }

  /** Makes a server the writer. */
  promote(server: LocalServer): void {
    this.#writer = server;
    server.role = "writer";
  }
}
