import type { ClientBase } from "pg";
import { internals, isUsable } from "./pg-internals.ts";

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
   * @returns `false`: there is no room for it, since all that there are have just been sent
   */
  use(name: string, max: number): boolean {
    this.#uses += 1;
    if (this.#used.size >= max && !this.#used.has(name) && !this.#closeOldest()) return false;
    this.#used.set(name, this.#uses);
    return true;
  }

  /** Whether it is thought to be there. */
  has(name: string): boolean {
    return this.#used.has(name);
  }

  /** Nobody knows any more which of them the server has: all are made again. */
  forget(): void {
    for (const name of [...this.#used.keys()]) this.close(name);
  }

  /** The next use of one makes it again. */
  close(name: string): void {
    if (!this.#used.delete(name)) return;
    const { connection } = internals(this.#client);
    if (connection === undefined || !isUsable(this.#client)) return;
    delete connection.parsedStatements[name];
    if (connection.submittedNamedStatements !== undefined) {
      delete connection.submittedNamedStatements[name];
    }
    // No error where the server has none of that name. Answered with the statement that follows.
    connection.close?.({ type: "S", name });
  }

  /** @returns whether there was one that may be closed */
  #closeOldest(): boolean {
    const { submittedNamedStatements: sent = {} } = internals(this.#client).connection ?? {};
    let oldest: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [name, at] of this.#used) {
      // What the server has not answered yet would count as made once it does.
      if (at < least && sent[name] === undefined) {
        least = at;
        oldest = name;
      }
    }
    if (oldest === undefined) return false;
    this.close(oldest);
    return true;
  }
}
