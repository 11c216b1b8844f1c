import type { PoolClient } from "pg";
import { PointsmanError } from "./errors.ts";

/**
 * A transaction, or a savepoint inside one, that `pool.transaction()` has opened around running
 * code. Statements of that code join it without knowing of it.
 */
export class AmbientTransaction {
  /** The pool whose statements join it. */
  readonly pool: object;
  readonly client: PoolClient;
  /** The transaction around this one: of the same pool when this is a savepoint. */
  readonly outer: AmbientTransaction | undefined;
  /** How many savepoints deep it stands; 0 is the transaction itself. */
  readonly depth: number;
  #state: "open" | "committed" | "rolled back" = "open";
  /** The nested transaction that is under way on the same client, and its end. */
  #nested: { readonly level: AmbientTransaction; readonly over: Promise<void> } | undefined;

  constructor(pool: object, client: PoolClient, outer: AmbientTransaction | undefined) {
    this.pool = pool;
    this.client = client;
    this.outer = outer;
    this.depth = outer?.client === client ? outer.depth + 1 : 0;
  }

  /**
   * The transaction of `pool` that a caller belongs to: the innermost that is open around it, or
   * one that has been rolled back under it. Code that outlives a transaction that was committed is
   * outside again.
   */
  static of(
    pool: object,
    innermost: AmbientTransaction | undefined,
  ): AmbientTransaction | undefined {
    for (let level = innermost; level !== undefined; level = level.outer) {
      if (level.pool === pool && (level.open || level.rolledBack)) return level;
    }
    return undefined;
  }

  /** Whether statements may join it. */
  get open(): boolean {
    return this.#state === "open" && (this.depth === 0 || this.outer?.open === true);
  }

  /** Whether it was undone, by itself or with the transaction around it. */
  get rolledBack(): boolean {
    return this.#state === "rolled back" || (this.depth > 0 && this.outer?.rolledBack === true);
  }

  close(state: "committed" | "rolled back"): void {
    this.#state = state;
  }

  /** @throws PointsmanError `TRANSACTION_ENDED` */
  assertOpen(): void {
    if (this.open) return;
    throw new PointsmanError(
      "TRANSACTION_ENDED",
      "The transaction that this statement belongs to has ended. Await everything inside its callback, and put what is meant to be separate into outsideTransaction().",
    );
  }

  /**
   * Whether a statement of this level, sent from code that runs in `from`, has to wait: a nested
   * transaction is open on the one connection that they share, and the statement, which is none of
   * it, would become part of it and be lost with it.
   */
  mustWait(from: AmbientTransaction | undefined): boolean {
    const nested = this.#nested?.level;
    if (nested === undefined) return false;
    for (let level = from; level !== undefined; level = level.outer) {
      if (level === nested) return false;
    }
    return true;
  }

  /** Resolves when no nested transaction is under way. */
  async quiet(): Promise<void> {
    while (this.#nested !== undefined) await this.#nested.over;
  }

  /** Runs a statement of this level in its turn. */
  async run<T>(send: (client: PoolClient) => T | Promise<T>): Promise<T> {
    // Not by quiet(): nothing may come between seeing that none is under way and sending.
    while (this.#nested !== undefined) await this.#nested.over;
    this.assertOpen();
    return send(this.client);
  }

  /** Runs nested transactions of this level one after another. */
  async nest<T>(work: (level: AmbientTransaction) => Promise<T>): Promise<T> {
    while (this.#nested !== undefined) await this.#nested.over;
    this.assertOpen();
    const level = new AmbientTransaction(this.pool, this.client, this);
    const running = work(level);
    const over = running.then(
      () => undefined,
      () => undefined,
    );
    this.#nested = { level, over };
    try {
      return await running;
    } finally {
      if (this.#nested?.level === level) this.#nested = undefined;
    }
  }
}
