import { Line } from "./line.ts";
import { covers, later, type Position } from "./position.ts";
import { Samples } from "./samples.ts";
import type { ServerState } from "./server-state.ts";

/**
 * A database cluster, as far as this process knows it. Pools that lead to the same cluster share
 * it: what one has written, reads of the other must see.
 */
export class ClusterState {
  /** Its system identifier; `undefined`: not asked yet, empty: may not be asked. */
  system: string | undefined;
  /** What reads outside of sessions must see. */
  readonly line = new Line();
  /** Pools with readers: without any nobody asks where a write was. */
  readerPools = 0;
  /** The servers that were reached, by their runs. */
  readonly servers = new Map<string, ServerState>();
  /** Where the writer was seen last. */
  #latest: Position | undefined;
  readonly samples = new Samples();

  get latest(): Position | undefined {
    return this.#latest;
  }

  /** A writer has told where it stands, `askedAt` by `performance.now()`. */
  note(position: Position, askedAt: number): void {
    this.samples.add(position, askedAt);
    if (this.#latest === undefined || later(this.#latest, position) === position) {
      this.#latest = position;
    }
  }

  /** Whether this is a position of the history that the writer is known to have. */
  knows(position: Position): boolean {
    return covers(this.#latest, position);
  }

  addServer(server: ServerState): void {
    // Servers come and go, and one that was left behind does no harm but to memory.
    if (this.servers.size > 64) {
      const [oldest] = this.servers.keys();
      this.servers.delete(oldest as string);
    }
    this.servers.set(server.run, server);
  }
}
