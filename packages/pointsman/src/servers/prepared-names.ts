import type { ClientBase } from "pg";
import { internals } from "./pg-internals.ts";

/** The prepared statements of one connection that this library has named. */
export class PreparedNames {
  readonly #client: ClientBase;
  /** When each was used last, in uses of any. */
  readonly #used = new Map<string, number>();
  #uses = 0;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /**
   * One is used now; where there is no room, the one that was used least lately is closed.
   *
   * @param max - how many there may be
   */
  use(name: string, max: number): void {
    this.#uses += 1;
    if (this.#used.size >= max && !this.#used.has(name)) this.#closeOldest();
    this.#used.set(name, this.#uses);
  }

  /** Nobody knows any more which of them the server has. */
  forget(): void {
    const parsed = internals(this.#client).connection?.parsedStatements;
    for (const name of this.#used.keys()) if (parsed !== undefined) delete parsed[name];
    this.#used.clear();
  }

  #closeOldest(): void {
    let oldest: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [name, at] of this.#used) {
      if (at < least) {
        least = at;
        oldest = name;
      }
    }
    if (oldest === undefined) return;
    this.#used.delete(oldest);
    const { connection } = internals(this.#client);
    if (connection === undefined) return;
    delete connection.parsedStatements[oldest];
    // Answered with the statement that follows it.
    connection.close?.({ type: "S", name: oldest });
  }
}
