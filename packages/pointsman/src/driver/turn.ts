import { PointsmanError } from "../errors.ts";
import type { RoutedClient } from "../routed-client.ts";
import { isServerGoingAway } from "../servers/connection-loss.ts";
import { GivenUp } from "../servers/given-up.ts";
import { internals, isQuiet, isUsable } from "../servers/pg-internals.ts";
import { isSubmittable, type QueryCallback } from "../servers/query-input.ts";
import type { Release } from "../servers/settling-pool.ts";
import type { SettingsChange } from "../statements/session-settings.ts";
import { closing } from "./closing.ts";
import { leftBehind } from "./left-behind.ts";
import { type DriverStatement, failLater } from "./statement.ts";

/** What a turn asks of the Client that has it. */
export interface TurnOwner {
  /** Hears of events of the connections. */
  emit(event: string, ...args: unknown[]): void;
  listens(event: string): boolean;
  /** Nothing is under way. */
  drained(): void;
  /**
   * Settings were changed, and nothing else is left.
   *
   * @returns whether the next turn has them; else this one goes on
   */
  changed(changes: readonly SettingsChange[]): boolean;
  /** The turn is over. */
  over(): void;
  /** A connection was lost, and with it what was left on it. */
  lost(error: Error): void;
}

/** The part of pg's connection that a turn uses. */
interface Socket {
  ref(): void;
  unref(): void;
}

/** Whether a statement has failed since what the session was is lost. */
function isLoss(error: Error | null | undefined): error is PointsmanError {
  if (!(error instanceof PointsmanError)) return false;
  return error.code === "TRANSACTION_LOST" || error.code === "SESSION_LOST";
}

/** Whether a statement has failed with its connection, which may not have been closed yet. */
function isOfLostConnection(error: Error | null | undefined): boolean {
  const isUnknown = error instanceof PointsmanError && error.code === "WRITE_OUTCOME_UNKNOWN";
  return isUnknown || isServerGoingAway(error);
}

const forwarded = ["notice", "notification"] as const;

/**
 * One use of a client of the shared pool. It is over as soon as nothing is under way, unless
 * something is left on its connection that the Client counts on: a transaction, LISTEN, a temporary
 * table, a lock. Then it goes on until that is gone or the Client is ended.
 */
export class Turn {
  readonly #client: RoutedClient;
  readonly #release: Release;
  readonly #isSingle: boolean;
  readonly #owner: TurnOwner;
  readonly #listeners = new Map<string, (...args: unknown[]) => void>();
  /** Something is left that lives on this connection alone. */
  #isTied = false;
  /** It was quiet, and went on. */
  #isKept = false;
  #changes: SettingsChange[] = [];
  #isOver = false;
  #isLost = false;
  #isFailing = false;
  #isUnreffed = false;

  /** @param isSingle - there is one server, and nobody resets its connections */
  constructor(client: RoutedClient, release: Release, isSingle: boolean, owner: TurnOwner) {
    this.#client = client;
    this.#release = release;
    this.#isSingle = isSingle;
    this.#owner = owner;
    this.#listen("drain", () => {
      this.#look();
      owner.drained();
    });
    this.#listen("error", (error) => this.#failed(error as Error));
    this.#listen("end", () => this.#failed(new Error("Connection terminated unexpectedly")));
    for (const event of forwarded) if (owner.listens(event)) this.forward(event);
  }

  #listen(event: string, listener: (...args: unknown[]) => void): void {
    this.#listeners.set(event, listener);
    this.#client.on(event as "error", listener);
  }

  /** Tells the Client of such events: only once it listens, since that keeps reads off lanes. */
  forward(event: string): void {
    if (this.#listeners.has(event) || !forwarded.some((one) => one === event)) return;
    this.#listen(event, (...args) => this.#owner.emit(event, ...args));
  }

  /** The client that it uses. */
  get client(): RoutedClient {
    return this.#client;
  }

  get #connection(): Socket | undefined {
    return internals(this.#client).connection as Socket | undefined;
  }

  /** Sends a statement behind those that are under way. */
  take(statement: DriverStatement): void {
    const { query, values, callback, context } = statement;
    try {
      context.runInAsyncScope(() => {
        if (callback === undefined) this.#submit(statement);
        else this.#client.query(query as string, values as unknown[], this.#noting(statement));
      });
    } catch (error) {
      failLater(statement, error as Error);
      setImmediate(() => this.#look());
    }
  }

  #submit(statement: DriverStatement): void {
    // Who hears of its end is its own matter: what it may leave is taken for left.
    if (leftBehind(statement, undefined, undefined) !== "nothing") this.#isTied = true;
    if (isSubmittable(statement.query)) this.#client.query(statement.query);
  }

  #noting(statement: DriverStatement): QueryCallback {
    return (error, result) => {
      this.#note(statement, error, result);
      if (isLoss(error)) this.#lose(error);
      if (this.#isSingle && isOfLostConnection(error)) this.#isFailing = true;
      // What was not sent after all is answered, and drains nothing.
      setImmediate(() => this.#look());
      statement.callback?.(error, result);
    };
  }

  #note(statement: DriverStatement, error: Error | null | undefined, result: unknown): void {
    const left = leftBehind(statement, error, result);
    if (left === "nothing") return;
    // What a transaction sets, its end may take back.
    if (left === "something" || this.#isInTransaction) this.#isTied = true;
    else if (left.kind === "discards") {
      this.#isTied = false;
      this.#changes = [left];
    } else this.#changes.push(left);
  }

  get #isInTransaction(): boolean {
    const status = this.#client.getTransactionStatus();
    return status === "T" || status === "E";
  }

  /** Something lives on its connection that the Client counts on. */
  get #holds(): boolean {
    return this.#isTied || this.#isInTransaction;
  }

  /** Its connection is about to be closed: what it does not hold needs another. */
  get isFailing(): boolean {
    return this.#isFailing && !this.#holds;
  }

  /** Ends the turn if nothing is under way, and nothing is left. */
  #look(): void {
    if (this.#isOver || !isQuiet(this.#client)) return;
    if (this.#isLost) {
      this.#finish(true);
      return;
    }
    if (this.#holds) {
      this.#keep();
      return;
    }
    if (this.#changes.length > 0) {
      if (!this.#owner.changed(this.#changes)) {
        this.#isTied = true;
        this.#keep();
        return;
      }
      // With readers it is reset when it is given back.
      this.#finish(this.#isSingle);
      return;
    }
    this.#finish(!isUsable(this.#client));
  }

  #keep(): void {
    this.#isKept = true;
    if (this.#isUnreffed) this.#connection?.unref();
  }

  /** Whether the process stays alive for the sake of what it holds. */
  ref(alive: boolean): void {
    this.#isUnreffed = !alive;
    if (alive) this.#connection?.ref();
    else if (this.#isKept) this.#connection?.unref();
  }

  #failed(error: Error): void {
    if (this.#isOver || this.#isLost) return;
    // With readers it may be the connection of a read, which has told its caller, or goes elsewhere.
    if (this.#isKept || (this.#isSingle && this.#holds)) this.#lose(error);
    // Statements that are under way have their answers first.
    setImmediate(() => {
      if (!this.#isOver && !isUsable(this.#client)) this.#finish(true);
      else this.#look();
    });
  }

  #lose(error: Error): void {
    if (this.#isOver || this.#isLost) return;
    this.#isLost = true;
    this.#owner.lost(error);
  }

  /** Closes what it holds; what is under way fails. Resolves once that is closed. */
  async end(): Promise<void> {
    const closed = closing(this.#client);
    this.#finish(true);
    await closed;
  }

  #finish(destroy: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const client = this.#client;
    if (this.#isUnreffed && this.#isKept && !destroy) this.#connection?.ref();
    for (const [event, listener] of this.#listeners) client.removeListener(event, listener);
    const problem = new GivenUp("session-state", "A Client has left something on the connection.");
    this.#release(destroy ? problem : undefined);
    this.#owner.over();
  }
}
