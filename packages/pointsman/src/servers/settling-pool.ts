import { AsyncResource } from "node:async_hooks";
import { type ClientBase, Pool as PgPool, type PoolClient, type PoolConfig } from "pg";
import { runInScope, stagingOf } from "../scope.ts";
import { inCallersContext } from "./callers-context.ts";
import { isWorthRetry } from "./connect-retry.ts";
import type { ConnectionLife } from "./connection-life.ts";
import { hasWaitedInVain, isOutOfTime } from "./connection-loss.ts";
import { GivenUp } from "./given-up.ts";
import { noteGivenBack, tellLetGo } from "./let-go.ts";
import { pgCallsOf, shown } from "./pg-calls.ts";
import { clientsOf, type PendingItem, type PoolInternals, removeClient } from "./pg-internals.ts";
import { withCallersStack } from "./query-input.ts";
import { queueFull } from "./queue-full.ts";
import type { WriterGate } from "./writer-gate.ts";

/** A client that can say when it is fit for the next user. */
export interface Settling {
  /** The client goes to a user, who has asked for it at `askedAt` (`performance.now()`, or 0). */
  handOut(askedAt: number): void;
  /**
   * Brings the client back to a state that the next user may have: nothing under way, no open
   * transaction, no state of the last user. Calls back with an error when that cannot be done and
   * the client must be thrown away; synchronously when there is nothing to do.
   */
  settle(done: (problem?: Error) => void): void;
  /**
   * Calls back once it is known whether a client that leads to the writer may be used: at once when
   * it was used a moment ago, else when it has shown that its server is there, and the writer.
   */
  check?(answered: (problem: Error | undefined) => void): void;
  /** Closes its connection at once, if it is one; what is under way fails with this error. */
  cut?(error: Error): void;
  /** What becomes of it, if it is a connection. */
  readonly life?: ConnectionLife;
  /** It is given back with an error, and is to be closed. */
  givenUp?(error: Error | true): void;
}

export type Release = (error?: Error | boolean) => void;
export type AcquireCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: Release,
) => void;

/** Whether a connection is better than others for somebody. */
export type Preferred = (client: ClientBase) => boolean;

const nothing: Release = () => {};
const inherited = PgPool.prototype as unknown as PoolInternals;

/** Those who wait to share a connection. */
export interface Sharers {
  /** How many wait, but for one where the pool counts that already. */
  readonly uncounted: number;
  /** Resolves once nobody waits, or shares one; `undefined`: nobody does. */
  served(): Promise<void> | undefined;
}

/** Chooses among idle connections. */
export interface ConnectionChoice {
  /** Whether there is anything to choose. */
  readonly hasChoice: boolean;
  /** Makes the best connection the next one that a pool gives. */
  choose(pool: object, preferred: Preferred | undefined): void;
}

/** What has been found on a client that was given back inside an open transaction. */
export interface AbandonedTransaction {
  /** `"rolled back"`, or `"destroyed"` when the connection could not be saved. */
  readonly outcome: "rolled back" | "destroyed";
}

/**
 * A `pg.Pool` whose clients are settled before the next user gets them, whose connections belong to
 * nobody's scope, which does not crash the process for want of an `error` listener, and whose
 * `end()` answers what is waiting first. In all else it is pg's.
 */
export class SettlingPool extends PgPool {
  /** The class of its clients. */
  declare Client: unknown;
  #closing = false;
  #isAdmitting = false;
  /** Nobody is waited for any more. */
  #isOver = false;
  #acquiring = 0;
  #whenNoneWaits: (() => void) | undefined;
  readonly #retried = new WeakSet<PendingItem>();
  readonly #preferred = new WeakMap<PendingItem, Preferred>();
  /** Given to a pool that leads to several servers. */
  choice: ConnectionChoice | undefined;
  /** Given to a pool that leads to the writer. */
  gate: WriterGate | undefined;
  /** Those who wait to share one of its connections. */
  sharers: Sharers | undefined;
  /** What looks at the servers while they are used. */
  readonly watches: { wake(): void }[] = [];
  /** How many may wait for a connection. */
  maxWaiting = Number.POSITIVE_INFINITY;
  /** How long `end()` waits for those who use a connection, in milliseconds. */
  endTimeoutMillis = Number.POSITIVE_INFINITY;
  /** Callers of `connect` that got no client within `connectionTimeoutMillis`. */
  timeouts = 0;
  #isSilent = false;
  /** A client whose `acquire` event has not been emitted yet. */
  #unannounced: unknown;

  constructor(options?: PoolConfig) {
    super(options);
    Object.defineProperty(this, "waitingCount", {
      get: () =>
        (this as unknown as PoolInternals)._pendingQueue.length + (this.sharers?.uncounted ?? 0),
      configurable: true,
    });
  }

  /**
   * Takes a client, as `connect` with a callback does, in whatever context that comes.
   *
   * @param deadline - until when its caller waits for a writer, if it has begun to
   * @param preferred - connections that are better for it than others, if there are any
   */
  acquire(callback: AcquireCallback, deadline?: number, preferred?: Preferred): void {
    if (this.#closing && !this.#isAdmitting) {
      callback(new Error("Cannot use a pool after calling end on the pool"), undefined, nothing);
      return;
    }
    const { gate } = this;
    const waitingElsewhere = (gate?.waiting ?? 0) + (this.sharers?.uncounted ?? 0);
    if (this.#acquiring + waitingElsewhere >= this.maxWaiting) {
      callback(queueFull(this.maxWaiting), undefined, nothing);
      return;
    }
    if (gate?.closed === true) {
      this.#waitAt(gate, callback, deadline);
      return;
    }
    this.#acquiring += 1;
    for (const watch of this.watches) watch.wake();
    const context =
      this.listenerCount("acquire") + this.listenerCount("release") > 0
        ? new AsyncResource("pointsman.acquire")
        : undefined;
    const askedAt = (this.options.connectionTimeoutMillis ?? 0) > 0 ? performance.now() : 0;
    const { _pendingQueue: pending } = this as unknown as PoolInternals;
    const waiting = pending.length;
    this.#takeOne((error, client, done) => {
      const failure = whyNone(error, client);
      if (failure !== undefined) {
        this.#leave();
        this.#failed(failure, callback, deadline);
        return;
      }
      const taken = client as PoolClient & Settling;
      const isToAnnounce = this.#unannounced === client;
      if (isToAnnounce) this.#unannounced = undefined;
      const hand = (): void => {
        this.#leave();
        if (isToAnnounce) this.emitIn(context, "acquire", client);
        const release = settlingRelease(
          taken,
          // pg-pool emits "release" there: not in the context of whoever opened the connection.
          context === undefined ? done : (problem) => context.runInAsyncScope(done, null, problem),
        );
        taken.release = release;
        taken.handOut(askedAt);
        callback(undefined, taken, release);
      };
      if (gate === undefined || taken.check === undefined) {
        hand();
        return;
      }
      taken.check((problem) => {
        if (problem === undefined) {
          hand();
          return;
        }
        this.#leave();
        // Nobody has heard that it was taken.
        this.#isSilent = true;
        done(problem);
        this.#isSilent = false;
        this.acquire(callback, deadline, preferred);
      });
    });
    const item = pending.at(-1);
    if (preferred !== undefined && item !== undefined && pending.length > waiting) {
      this.#preferred.set(item, preferred);
    }
  }

  /** The same, at once where a connection is idle, and else before others: it is for many. */
  acquireNow(callback: AcquireCallback, preferred: Preferred): void {
    const { _pendingQueue: pending } = this as unknown as PoolInternals;
    const before = pending.length;
    this.acquire(callback, undefined, preferred);
    if (before > 0 && pending.length > before) pending.unshift(...pending.splice(-1));
    if (this.idleCount > 0) this._pulseQueue();
  }

  /** Lets somebody acquire a client who was there before `end()` was called. */
  admit(acquire: () => void): void {
    this.#isAdmitting = !this.#isOver;
    try {
      acquire();
    } finally {
      this.#isAdmitting = false;
    }
  }

  /** pg-pool takes the idle connection that was used last: here it is chosen. */
  _pulseQueue(): void {
    const { _pendingQueue: pending } = this as unknown as PoolInternals;
    const [next] = pending;
    if (this.choice?.hasChoice === true && next !== undefined && this.idleCount > 1) {
      this.choice.choose(this, this.#preferred.get(next));
    }
    const { veil } = pgCallsOf(this);
    if (veil === undefined) inherited._pulseQueue.call(this);
    else veil.show(() => inherited._pulseQueue.call(this));
  }

  /** pg-pool's own `connect`. */
  #takeOne(callback: AcquireCallback): void {
    const calls = pgCallsOf(this);
    if (calls.veil === undefined) super.connect(callback);
    else calls.veil.hide(() => super.connect((...args) => shown(calls, () => callback(...args))));
  }

  /** One caller less waits for a client. */
  #leave(): void {
    this.#acquiring -= 1;
    if (this.#acquiring === 0) this.#whenNoneWaits?.();
  }

  /**
   * Opens a connection for whoever comes next, past the gate.
   *
   * @param patienceMillis - how long that is waited for
   * @returns why it could not be opened, if it has failed meanwhile
   */
  openOne(patienceMillis: number): Promise<Error | undefined> {
    if (this.#closing) return Promise.resolve(undefined);
    this.#acquiring += 1;
    return new Promise((resolve) => {
      const late = setTimeout(resolve, patienceMillis, undefined);
      this.#takeOne((error, client, done) => {
        clearTimeout(late);
        this.#acquiring -= 1;
        if (this.#acquiring === 0) this.#whenNoneWaits?.();
        if (client !== undefined) {
          if (this.#unannounced === client) this.#announce(undefined);
          done();
        }
        resolve(whyNone(error, client));
      });
    });
  }

  #failed(error: Error, callback: AcquireCallback, deadline: number | undefined): void {
    const { gate } = this;
    if (isOutOfTime(error)) gate?.doubt(error);
    if (gate?.mayPass(error) !== true) {
      callback(error, undefined, nothing);
      return;
    }
    gate.close(error);
    this.#waitAt(gate, callback, deadline);
  }

  #waitAt(gate: WriterGate, callback: AcquireCallback, deadline = this.#patience(gate)): void {
    gate.wait(deadline, (problem) => {
      if (problem === undefined) this.acquire(callback, deadline);
      else callback(problem, undefined, nothing);
    });
  }

  /** Until when somebody waits for the writer who begins to do so now. */
  #patience(gate: WriterGate): number {
    const { connectionTimeoutMillis = 0 } = this.options;
    const limit = connectionTimeoutMillis > 0 ? connectionTimeoutMillis : Number.POSITIVE_INFINITY;
    return Math.min(gate.deadline(), performance.now() + limit);
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: AcquireCallback): void;
  override connect(callback?: AcquireCallback): Promise<PoolClient> | undefined {
    if (callback !== undefined) {
      this.takeByHand(this.#counted(inCallersContext(callback)));
      return undefined;
    }
    return new Promise<PoolClient>((resolve, reject) => {
      const taken: AcquireCallback = (error, client) => {
        if (client === undefined) reject(error as Error);
        else resolve(client);
      };
      this.takeByHand(this.#counted(taken));
    }).catch(withCallersStack);
  }

  /** Nothing else tells of a caller that gets no client: there is no statement yet. */
  #counted(callback: AcquireCallback): AcquireCallback {
    return (error, client, release) => {
      if (error && hasWaitedInVain(error)) this.timeouts += 1;
      callback(error, client, release);
    };
  }

  /** Takes a client for whoever has called `connect`. */
  protected takeByHand(callback: AcquireCallback): void {
    const staging = stagingOf(this);
    const side = staging?.pools.get(this);
    if (staging === undefined || side === undefined) {
      this.acquire(callback);
      return;
    }
    const taking = staging.take(side, undefined, callback);
    if (taking === "as ever") {
      this.acquire((error, client, release) => {
        const isAsEver = side === "writer" || staging.through === undefined;
        if (client === undefined || isAsEver) callback(error, client, release);
        else staging.through?.(client, (own) => callback(undefined, own, release));
      });
    } else if (taking === "unreachable") callback(unreachable(staging.name), undefined, nothing);
  }

  #announce(context: AsyncResource | undefined): void {
    const client = this.#unannounced;
    this.#unannounced = undefined;
    this.emitIn(context, "acquire", client);
  }

  /** Emits an event in a context, or in nobody's scope. */
  protected emitIn(
    context: AsyncResource | undefined,
    event: "acquire" | "release",
    ...args: unknown[]
  ): void {
    const emit = (): boolean => super.emit(event, ...args);
    if (context === undefined) runInScope(undefined, emit);
    else context.runInAsyncScope(emit);
  }

  /** Whether `end()` has been called. */
  get isClosing(): boolean {
    return this.#closing;
  }

  override end(): Promise<void>;
  override end(callback: () => void): void;
  override end(callback?: (error?: Error) => void): Promise<void> | undefined {
    const ended = this.#endOnce();
    if (callback === undefined) return ended;
    ended.then(
      () => callback(),
      (error: Error) => callback(error),
    );
    return undefined;
  }

  /**
   * Ends the pool unless somebody has done so already.
   *
   * @param deadline - when it does so without waiting any longer, by `performance.now()`
   */
  async endIfOpen(deadline: number): Promise<void> {
    if (!this.#closing) await this.#endOnce(deadline);
  }

  async #endOnce(deadline = performance.now() + this.endTimeoutMillis): Promise<void> {
    if (this.#closing) throw new Error("Called end on pool more than once");
    this.#closing = true;
    this.gate?.end();
    const left = Math.max(0, deadline - performance.now());
    const timer = Number.isFinite(left) ? setTimeout(() => this.#endNow(), left) : undefined;
    for (;;) {
      if (this.#acquiring > 0) {
        await new Promise<void>((resolve) => {
          this.#whenNoneWaits = resolve;
        });
      }
      const served = this.#isOver ? undefined : this.sharers?.served();
      if (served === undefined) break;
      await served;
    }
    this.#isOver = true;
    await super.end();
    clearTimeout(timer);
    await this.endOwned(deadline);
  }

  /** Ends what belongs to this pool, once its own clients are gone. */
  protected async endOwned(_deadline: number): Promise<void> {}

  /** Closes what is in use, and waits for nobody. */
  #endNow(): void {
    this.#isOver = true;
    const pool = this as unknown as PoolInternals;
    const error = new GivenUp(
      "pool-ended",
      `The pool was ended, and closed this connection after ${this.endTimeoutMillis / 1000} s (endTimeout).`,
    );
    for (const waiting of pool._pendingQueue.splice(0)) waiting.callback(error, undefined, nothing);
    for (const client of clientsOf(this) as readonly (ClientBase & Partial<Settling>)[]) {
      client.givenUp?.(error);
      client.cut?.(error);
      removeClient(this, client);
    }
    pool._pulseQueue();
  }

  /** pg-pool takes a client back here. */
  _release(client: ClientBase, idleListener: unknown, problem: unknown): void {
    noteGivenBack(this, client, problem);
    inherited._release.call(this, client, idleListener, problem);
  }

  /** pg-pool closes a client here, unless it could not be set up. */
  _remove(client: ClientBase, callback?: () => void): void {
    tellLetGo(this, client);
    inherited._remove.call(this, client, callback);
  }

  /** pg-pool opens connections here: in nobody's scope, since they outlive whoever asked first. */
  newClient(pending: PendingItem): void {
    const once = this.#retried.has(pending) ? pending : this.#retrying(pending);
    shown(pgCallsOf(this), () => {
      runInScope(undefined, () => inherited.newClient.call(this, once));
    });
  }

  /** A caller for whom connecting is tried once more where that may help. */
  #retrying(pending: PendingItem): PendingItem {
    return {
      get timedOut() {
        return pending.timedOut;
      },
      callback: (error, client, release) => {
        if (!isWorthRetry(error) || pending.timedOut) {
          pending.callback(error, client, release);
          return;
        }
        this.#retried.add(pending);
        const pool = this as unknown as PoolInternals;
        // Its place may have been taken by the next in the queue.
        if (pool._isFull()) pool._pendingQueue.unshift(pending);
        else this.newClient(pending);
      },
    };
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // pg-pool emits twice for each query, mostly to nobody.
    if (this.listenerCount(event) === 0 || (this.#isSilent && event === "release")) return false;
    if (this.#unannounced !== undefined) this.#announce(undefined);
    if (event === "acquire" && this.#acquiring > 0) {
      // pg-pool emits this in the context of whoever gave the client back.
      this.#unannounced = args[0];
      return true;
    }
    return super.emit(event, ...args);
  }
}

/**
 * Why there is no client. pg-pool hands on what `onConnect` has rejected with, which may be nothing,
 * or something that those who look for an error take for none.
 */
function whyNone(error: Error | undefined, client: PoolClient | undefined): Error | undefined {
  if (client !== undefined) return undefined;
  return error || new Error("onConnect has failed, and has given no error.");
}

/** What connecting fails with where a test has every reader fail. */
function unreachable(name: string): Error {
  const error = new Error(`connect ECONNREFUSED: ${name}() lets nobody connect to a reader.`);
  return Object.assign(error, { code: "ECONNREFUSED", syscall: "connect" });
}

/** Gives a client back when it is fit for the next user; once. */
export function settlingRelease(client: PoolClient & Settling, done: Release): Release {
  let released = false;
  return (error) => {
    if (released) {
      throw new Error("Release called on client which has already been released to the pool.");
    }
    released = true;
    if (error) {
      client.givenUp?.(error);
      done(error);
    } else client.settle(done);
  };
}
