import { type Client, Query } from "pg";
import type { ErrorMessage } from "./held-failure.ts";
import { internals } from "./pg-internals.ts";

/**
 * Sees whether a server that ends a connection in order had begun with the statement that was under
 * way. What its backend has to say of a statement leaves no later than its farewell, and to a
 * statement with parameters it says that they are bound before it does anything: without that word
 * the statement has met a backend that was idle, and has certainly not happened.
 *
 * A farewell in the midst of a statement proves less: what it has done in other databases, by
 * foreign tables or dblink, may stay.
 */
export class Unbegun {
  readonly #client: Client;
  #bound = false;
  #certain = false;

  constructor(client: Client) {
    this.#client = client;
    internals(client).connection?.on?.("bindComplete", () => {
      this.#bound = true;
    });
  }

  /** Whether the statement that has failed has certainly not been begun. */
  get certain(): boolean {
    return this.#certain;
  }

  /** The server is ready for the next statement. */
  ready(): void {
    this.#bound = false;
  }

  /** The server has sent an error. */
  failed({ code, severity, routine }: ErrorMessage): void {
    // What a pooler says in its own name has no routine, and says nothing of the server behind it.
    if (code !== "57P01" || severity !== "FATAL" || routine !== "ProcessInterrupts") return;
    const { _activeQuery, pipeline } = internals(this.#client);
    const saysWhenBound =
      _activeQuery instanceof Query &&
      (_activeQuery as unknown as { requiresPreparation(): boolean }).requiresPreparation();
    this.#certain = saysWhenBound && pipeline !== true && !this.#bound;
  }
}
