import { PointsmanError } from "../errors.ts";
import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import type { Taken } from "../staging.ts";
import { SharedConnection } from "./one-connection/shared-connection.ts";
import { lendStandIn } from "./one-connection/stand-in-client.ts";
import { takeWriter } from "./one-scope.ts";

const begin = "begin isolation level repeatable read read only; select 1";
const ignore = (): void => {};

/** The database as it was at one moment. */
export class Snapshot {
  readonly #shared: SharedConnection;
  readonly #release: (problem?: Error) => void;
  #at = 0;
  #lent = 0;
  #ending = false;
  #whenFree: (() => void) | undefined;

  private constructor(shared: SharedConnection, release: (problem?: Error) => void) {
    this.#shared = shared;
    this.#release = release;
  }

  static async take(pool: Pool, owner: string): Promise<Snapshot> {
    const { client, release } = await takeWriter(pool);
    const snapshot = new Snapshot(new SharedConnection(client, owner), release);
    const problem = await snapshot.#begin(begin);
    if (problem === undefined) return snapshot;
    release(problem);
    throw problem;
  }

  /** What was committed before that is in it, by `performance.now()`. */
  get at(): number {
    return this.#at;
  }

  /**
   * Resolves when nobody reads in it who would see it change: to `true`, or to `false` when it has
   * ended before.
   */
  async free(): Promise<boolean> {
    if (this.#lent > 0 && !this.#ending) {
      await new Promise<void>((resolve) => {
        this.#whenFree = resolve;
      });
    }
    return !this.#ending;
  }

  /** Nobody waits for it to be free any longer. */
  stop(): void {
    this.#ending = true;
    this.#whenFree?.();
  }

  /** Shows the database as it is now. */
  async renew(): Promise<void> {
    const claim = { level: undefined, harmless: true };
    await this.#shared.take(claim, ignore, async () => ({
      error: await this.#begin(`rollback; ${begin}`),
    }));
  }

  lend(side: Target, pool: Pool, callback: Taken): void {
    this.#lent += 1;
    lendStandIn(this.#shared, side, pool, callback, () => {
      this.#lent -= 1;
      if (this.#lent === 0) this.#whenFree?.();
    });
  }

  /** @returns why it was of no use, if it was */
  async end(owner: string): Promise<Error | undefined> {
    await this.#shared.close(
      new PointsmanError(
        "TRANSACTION_ENDED",
        `${owner}() is over, and this statement belongs to it. It was not sent. Await everything inside its callback.`,
      ),
    );
    const { problem } = this.#shared;
    if (problem !== undefined) {
      this.#release(problem);
      return problem;
    }
    const failure = await this.#shared.ask("rollback").then(
      () => undefined,
      (error: Error) => error,
    );
    this.#release(failure ?? this.#shared.residue);
    return undefined;
  }

  async #begin(text: string): Promise<Error | undefined> {
    const at = performance.now();
    const problem = await this.#shared.begin(text);
    if (problem === undefined) this.#at = at;
    return problem;
  }
}
