import type { ClientBase } from "pg";
import type { Behind } from "./companions.ts";
import { isUsable } from "./pg-internals.ts";
import type { QueryCallback } from "./query-input.ts";
import type { Row } from "./question.ts";

/** The answer to a statement, kept back until the question behind it is answered. */
export class HeldAnswer {
  readonly #callback: QueryCallback | undefined;
  readonly #behind: Behind;
  readonly #client: ClientBase;
  #given: { readonly error: Error | undefined; readonly result: unknown } | undefined;
  #delivered = false;
  #settled = false;

  constructor(callback: QueryCallback | undefined, behind: Behind, client: ClientBase) {
    this.#callback = callback;
    this.#behind = behind;
    this.#client = client;
  }

  /** Takes the statement's answer. */
  readonly callback: QueryCallback = (error, result) => {
    this.#given ??= { error: error ?? undefined, result };
    const { text, afterFailure } = this.#behind;
    // What the server has undone as a whole needs no position. A time-out says nothing of the
    // server, which is still busy.
    const undone = error && !afterFailure && isFromServer(error);
    // A request to cancel may have held it up, so that the question's answer was here first.
    if (text === undefined || undone || this.#settled) this.#settle(undefined);
    else if (error && (!afterFailure || !isFromServer(error) || !isUsable(this.#client))) {
      this.#deliver();
    }
  };

  /** Takes the answer to the question. */
  answered(row: Row | undefined): void {
    this.#settle(row);
  }

  /** The statement's answers are not seen here, and there is no question: nothing is held. */
  released(): void {
    this.#settle(undefined);
  }

  #settle(row: Row | undefined): void {
    if (!this.#settled) {
      this.#settled = true;
      const failed = this.#given?.error !== undefined;
      this.#behind.answered(row, failed, this.#client.getTransactionStatus());
    }
    if (this.#given !== undefined) this.#deliver();
  }

  #deliver(): void {
    if (this.#delivered) return;
    this.#delivered = true;
    const { error, result } = this.#given as { error: Error | undefined; result: unknown };
    this.#callback?.(error, result);
  }
}

function isFromServer(error: unknown): boolean {
  return typeof (error as { severity?: unknown }).severity === "string";
}
