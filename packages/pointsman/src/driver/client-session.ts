import type { Config } from "../config/config.ts";
import type { PoolOptions } from "../config/options.ts";
import { terminated } from "../conversation/item.ts";
import { factsOn } from "../pool.ts";
import type { RoutedClient } from "../routed-client.ts";
import { abortReason, signalOf } from "../servers/abortable-query.ts";
import { textOf } from "../servers/query-input.ts";
import { type SettingsChange, settingsAfter } from "../statements/session-settings.ts";
import { OwnNames } from "./shared-names.ts";
import { type Lease, leasePool } from "./shared-pools.ts";
import { type Called, type DriverStatement, failLater } from "./statement.ts";
import { Turn, type TurnOwner } from "./turn.ts";

/** Who hears of what happens in a session besides answers. */
export interface SessionListener {
  emit(event: string, ...args: unknown[]): void;
  listens(event: string): boolean;
  /** Its connection was lost, and with it what the session was. */
  lost(error: Error): void;
}

interface Waiting {
  readonly statement: DriverStatement;
  /** Its turn has come, or there will be none. */
  readonly called: () => void;
}

/**
 * What a Client has between `connect` and `end`: its share of a pool, the settings it has made, and
 * the turn it is having, if any.
 */
export class ClientSession {
  readonly #listener: SessionListener;
  #lease: Lease;
  #settings: readonly SettingsChange[] = [];
  /** What waits for a turn. */
  readonly #queue: Waiting[] = [];
  readonly #names = new OwnNames();
  #turn: Turn | undefined;
  #state: "opening" | "open" | "lost" | "ended" = "opening";
  #isAsking = false;
  #isAlive = true;

  constructor(options: PoolOptions, config: Config, listener: SessionListener) {
    this.#listener = listener;
    this.#lease = leasePool(options, config);
  }

  /** Resolves once its server has been reached. */
  async open(): Promise<void> {
    try {
      await this.#lease.reach();
    } catch (error) {
      this.#failQueue(error as Error);
      await this.end();
      throw error;
    }
    if (this.#state !== "opening") throw terminated();
    this.#state = "open";
    this.#ask();
  }

  /** The client of the pool that it stands on, if it does. */
  get client(): RoutedClient | undefined {
    return this.#turn?.client;
  }

  send(called: Called): void {
    const query = this.#names.complete(called.query);
    const text = textOf(query);
    const statement = { ...called, query, text, facts: factsOn(this.#lease.pool, text) };
    const turn = this.#turn;
    if (turn === undefined || turn.isFailing) this.#wait(statement);
    else this.#give(turn, statement);
  }

  #give(turn: Turn, statement: DriverStatement): void {
    turn.take({ ...statement, query: this.#lease.names.apart(statement.query) });
  }

  #wait(statement: DriverStatement): void {
    const signal = signalOf(statement.query);
    const abandon = (): void => this.#abandon(statement, abortReason(signal as AbortSignal));
    signal?.addEventListener("abort", abandon, { once: true });
    const called = (): void => signal?.removeEventListener("abort", abandon);
    this.#queue.push({ statement, called });
    this.#ask();
  }

  /** One whose signal is aborted while it waits is not sent any more. */
  #abandon(statement: DriverStatement, reason: Error): void {
    const place = this.#queue.findIndex((one) => one.statement === statement);
    if (place < 0) return;
    this.#queue.splice(place, 1);
    failLater(statement, reason);
    // What waits behind a BEGIN must not run outside of its transaction.
    if (statement.facts.transaction?.kind === "begin") this.#failQueue(reason, place);
  }

  #failQueue(error: Error, from = 0): void {
    for (const { statement, called } of this.#queue.splice(from)) {
      called();
      failLater(statement, error);
    }
  }

  /** Asks for a turn, if somebody needs one. */
  #ask(): void {
    const isWaiting = this.#state !== "open" || this.#isAsking || this.#turn !== undefined;
    if (isWaiting || this.#queue.length === 0) return;
    this.#isAsking = true;
    const { pool, isSingle } = this.#lease;
    pool.connect((error, client, release) => {
      this.#isAsking = false;
      if (client === undefined) {
        this.#failQueue(error as Error);
        return;
      }
      // Those that have asked for it may have been given up.
      if (this.#queue.length === 0) {
        release();
        return;
      }
      const turn = new Turn(client, release, isSingle, this.#turnOwner());
      if (!this.#isAlive) turn.ref(false);
      this.#turn = turn;
      for (const { statement, called } of this.#queue.splice(0)) {
        called();
        this.#give(turn, statement);
      }
    });
  }

  #turnOwner(): TurnOwner {
    const { emit, listens, lost } = this.#listener;
    return {
      emit,
      listens,
      drained: () => {
        if (this.#queue.length === 0) emit("drain");
      },
      changed: (changes) => this.#change(changes),
      over: () => {
        this.#turn = undefined;
        this.#ask();
      },
      lost: (error) => {
        this.#state = "lost";
        lost(error);
        this.#lease.end().catch(() => {});
      },
    };
  }

  /** @returns whether its next turn has the new settings */
  #change(changes: readonly SettingsChange[]): boolean {
    let after: readonly SettingsChange[] | undefined = this.#settings;
    for (const change of changes) after = after && settingsAfter(after, change);
    if (after === undefined) return false;
    if (scriptOf(after) !== scriptOf(this.#settings)) {
      const lease = this.#lease.exchange(after);
      if (lease === undefined) return false;
      this.#lease = lease;
    }
    this.#settings = after;
    return true;
  }

  /** The Client has begun to listen to an event. */
  forward(event: string): void {
    this.#turn?.forward(event);
  }

  ref(alive: boolean): void {
    this.#isAlive = alive;
    this.#turn?.ref(alive);
  }

  /** Ends it: what is under way fails, an open transaction is rolled back, nothing of it is left. */
  async end(): Promise<void> {
    this.#state = "ended";
    this.#failQueue(terminated());
    await this.#turn?.end();
    await this.#lease.end();
  }
}

function scriptOf(settings: readonly SettingsChange[]): string {
  return JSON.stringify(settings.map(({ text }) => text));
}
