import type { Roster } from "./roster.ts";
import type { LocalServer } from "./server.ts";

/**
 * Where the writer endpoint leads: to the writer, or for a while still to the one before, as a name
 * does whose old address is remembered.
 */
export class WriterEndpoint {
  readonly #roster: Roster;
  #outdated: LocalServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  get server(): LocalServer {
    return this.#outdated ?? this.#roster.writer;
  }

  /**
   * Goes on leading to a server, and to the writer of then after a while.
   *
   * @param onArrival called when it leads to the writer
   */
  linger(server: LocalServer, milliseconds: number, onArrival: () => void): void {
    this.catchUp();
    if (milliseconds === 0) return;
    this.#outdated = server;
    this.#timer = setTimeout(() => {
      this.#outdated = undefined;
      onArrival();
    }, milliseconds);
  }

  /** Leads to the writer from now on. */
  catchUp(): void {
    clearTimeout(this.#timer);
    this.#outdated = undefined;
  }
}
