import { Client, type ClientBase, type ClientConfig, type TransactionStatus } from "pg";
import type { Target } from "../routing/route.ts";
import type { Classification } from "../statements/types.ts";
import { abortableQuery, abortReason, signalOf } from "./abortable-query.ts";
import { Accompaniment } from "./accompany.ts";
import { inCallersContext } from "./callers-context.ts";
import { requestCancel } from "./cancel-request.ts";
import type { Companions, ConnectionCare } from "./companions.ts";
import { retryConnect } from "./connect-retry.ts";
import { ConnectionLife } from "./connection-life.ts";
import { isServerGoingAway } from "./connection-loss.ts";
import { type EndpointAddress, type EndpointAddresses, withShown } from "./endpoint-addresses.ts";
import { Flight, type QueueMethods } from "./flight.ts";
import { hearEnd } from "./hear-end.ts";
import { type ErrorMessage, HeldFailure } from "./held-failure.ts";
import { LaneQuery } from "./lanes/lane-query.ts";
import type { QueryPlan } from "./lanes/query-plan.ts";
import { Login } from "./login.ts";
import { MirrorSession, mirrorStatement } from "./mirror.ts";
import { NotTheWriter } from "./not-the-writer.ts";
import { Opening } from "./opening.ts";
import type { PgCalls } from "./pg-calls.ts";
import {
  abandonActive,
  internals,
  isPipelinable,
  isQuiet,
  isUsable,
  lendSecrets,
  setPassword,
  takeQueryTimeout,
} from "./pg-internals.ts";
import { PreparedNames } from "./prepared-names.ts";
import { limited } from "./query-deadline.ts";
import {
  asConfig,
  bindToCaller,
  failUnsent,
  isSubmittable,
  knownOf,
  type QueryCallback,
  type QueryInput,
  snapshot,
  withCallersStack,
} from "./query-input.ts";
import { asRow, Question, type Row } from "./question.ts";
import type { ServerLoad } from "./server-load.ts";
import { isSettingUp } from "./set-up.ts";
import { type GivenBack, Settlement } from "./settlement.ts";
import type { Settling } from "./settling-pool.ts";
import { Unbegun } from "./unbegun.ts";
import { lockSession, readOnlySession, SessionLock, writableSession } from "./writable-session.ts";
import type { WriterGate } from "./writer-gate.ts";

/** What a side of the cluster asks of its connections. */
export interface EndpointTraits {
  readonly side: Target;
  /** The pool whose listeners hear what becomes of its connections; absent: nobody hears of it. */
  readonly owner?: object;
  /** How it asks `pg`. */
  readonly calls: PgCalls;
  /** Where to connect: one of these for each new connection. */
  readonly addresses: Pick<EndpointAddresses, "pick" | "configure"> &
    Partial<Pick<EndpointAddresses, "isSurplus">>;
  /** How long a connection is used about, in milliseconds. Default: for ever. */
  readonly lifetimeMillis?: number | undefined;
  /** Given when connections are shared by conversations, and must be clean for the next one. */
  readonly classify?: ((sql: string) => Classification) | undefined;
  /** Refuse what a standby refuses. */
  readonly mirror?: boolean;
  /** Its sessions are read-only at the server, and one that is not any more is closed. */
  readonly readOnly?: boolean;
  /**
   * Gives what a user sends by hand, or to set a connection up, as it may be sent. What it throws
   * the statement fails with.
   */
  readonly vet?: ((client: EndpointClient, query: QueryInput) => QueryInput) | undefined;
  /** Whether statements that keep coming are prepared there. */
  readonly prepares?: boolean;
  /** What stands before the connections that must lead to the writer. */
  readonly gate?: (() => WriterGate | undefined) | undefined;
  /** What becomes of such a connection that leads to a reader. Default: nothing. */
  readonly readers?: "refused" | "until the writer is known";
  /** Called when a server says that it is no standby any more. */
  readonly promoted?: (() => void) | undefined;
  /** Called for each statement of a user; what it returns is called with the outcome. */
  readonly watch: WatchQuery;
  /** Gives what a user sends to set a connection up with the comment that all statements have. */
  readonly commented?: ((query: QueryInput) => QueryInput) | undefined;
  /** Called for each connection before it is opened. */
  readonly made?: ((client: EndpointClient) => void) | undefined;
  /** Called when a statement of a set-up fails; whoever sent it is told too. */
  readonly setUpFailed: (error: Error) => void;
  /** Called when a client was given back inside an open transaction. */
  readonly abandoned: (outcome: "rolled back" | "destroyed") => void;
}

/** Hears of a statement that a user sends on a connection by hand. */
export type WatchQuery = (client: EndpointClient, query: QueryInput) => WatchedQuery;

/** What leaves with a statement that was sent by hand, and who hears of its outcome. */
export interface WatchedQuery {
  /** What is sent, as it is now. */
  readonly query: QueryInput;
  /** What is known of its text; of one that cannot be seen nothing is. */
  readonly known: Classification | undefined;
  readonly companions?: Companions | undefined;
  /**
   * Hears of the outcome, and says what the caller is told.
   *
   * @param isUnsent - it could not be sent, so that nothing of it can have happened
   */
  readonly answered: (error: Error | undefined, isUnsent?: boolean) => Error | undefined;
}

/** A connection to one server, as the pools of this library have them. */
export interface EndpointClient extends ClientBase, Settling {
  readonly side: Target;
  /** `host:port` that it was opened to. */
  readonly endpointName: string;
  /** What becomes of it, for those who listen. */
  readonly life: ConnectionLife;
  /** A cancel request under way: the connection must not be used before it is over. */
  readonly cancelling: Promise<void> | undefined;
  /** Its pool has ended and cut it: that it fails tells nothing of the server. */
  endsWithPool: boolean;
  /** What looks after the connection, once its server is known. */
  care: ConnectionCare | undefined;
  /** How busy its server is, where there is a choice of servers. */
  load: ServerLoad | undefined;
  /** Whether its server has reported to be a standby; `undefined`: it has reported nothing. */
  readonly standby: boolean | undefined;
  /** The endpoint that it was opened to. */
  readonly address: EndpointAddress;
  /** Whether its server has ended it before it had begun with the statement that was under way. */
  readonly endedUnbegun: boolean;
  /** Who hears of what is sent on it by hand. */
  readonly watch: WatchQuery;
  /** It is not to be used again once it is given back. */
  retire(): void;
  readonly retired: boolean;
  /** Closes it at once; what is under way fails with this error. */
  cut(error: Error): void;
  /** Whether many use it at once, and whether they can. */
  readonly isShared: boolean;
  readonly isShareable: boolean;
  /** It leads to a pooler: who answers the next statement may be another server. */
  isPooled: boolean;
  /** Many use it at once from now on: what they send leaves at once. */
  share(): void;
  unshare(): void;
  /** Sends a read among others that are under way, on a connection that is shared. */
  ride(
    plan: QueryPlan,
    /** By which it is prepared; absent: it is not. */
    name: string | undefined,
    known: Classification,
    callback: QueryCallback,
    companions: Companions | undefined,
  ): void;
  /** Asks the server to cancel what it is running for this connection. */
  cancelRunning(): void;
  /** The prepared statements that this library has made there; absent: it makes none. */
  readonly prepared: PreparedNames | undefined;
  /** Sends a query on behalf of this library, which has bound its callbacks already. */
  send(
    query: QueryInput,
    values?: unknown,
    callback?: QueryCallback,
    /** What is known of its text; looked up when it is left out. */
    known?: Classification,
    /** What leaves with it. */
    companions?: Companions,
  ): unknown;
  /** As of {@link Settling}. */
  check(answered: (problem: Error | undefined) => void): void;
  /**
   * Asks the server which role it has now. When it is not the writer's, the writer is looked for.
   *
   * @param answered - called with `undefined` when there is no answer
   */
  askRole(answered: (role: "writer" | "reader" | undefined) => void): void;
  /** Asks the server a question of this library's own. */
  ask(text: string, answered: (error: Error | undefined, row: Row | undefined) => void): void;
}

type ClientConstructor = new (config?: ClientConfig) => Client;
type EndpointClientConstructor = new (config?: ClientConfig) => Client & EndpointClient;

const ignore = (): void => {};

/** The options of a connection whose session is read-only at the server. */
function readOnlyConfig(config: ClientConfig = {}): ClientConfig {
  return withShown(config, { options: readOnlySession(config.options) });
}

/**
 * A time that is a little shorter, by chance: connections that were opened at the same moment do not
 * end at the same moment, in this process and in others.
 */
function jittered(millis = Number.POSITIVE_INFINITY): number {
  return millis * (0.7 + 0.3 * Math.random());
}

/**
 * Makes the class of a side's connections: `pg.Client`, or the class given by the application, with
 * what this library needs to know about a connection.
 */
export function endpointClientClass(
  Base: ClientConstructor | undefined,
  traits: EndpointTraits,
): EndpointClientConstructor {
  const { addresses, calls, classify } = traits;
  const inherited = (Base ?? Client).prototype as unknown as QueueMethods;
  // Whoever has a `query` of their own wants to see every query, as it was called.
  const isPgs = (Base ?? Client).prototype.query === Client.prototype.query;

  return class PointsmanClient extends (Base ?? Client) implements EndpointClient {
    readonly side = traits.side;
    readonly watch = traits.watch;
    readonly endpointName: string;
    readonly life: ConnectionLife;
    cancelling: Promise<void> | undefined;
    endsWithPool = false;
    care: ConnectionCare | undefined;
    standby: boolean | undefined;
    load: ServerLoad | undefined;
    readonly #prepared = traits.prepares === true && isPgs ? new PreparedNames(this) : undefined;
    isPooled = false;
    /** When a user got it, by `performance.now()`; 0: nobody has it. */
    #handedOutAt = 0;
    /** When it has been used for long enough, by `performance.now()`. */
    readonly #endsAt: number;
    /** What pg would hold against each statement, in milliseconds; 0: nothing. */
    readonly #queryTimeout: number;
    #retired = false;
    #opening: Opening | undefined;
    readonly #flight = new Flight(this);
    readonly #accompaniment = new Accompaniment(this, this.#flight, (query, values, callback) =>
      this.#dispatch(query, values, callback),
    );
    readonly #failure = new HeldFailure(this, (message) =>
      inherited._handleErrorMessage.call(this, message),
    );
    readonly address;
    readonly #login: Login | undefined;
    readonly #settlement = new Settlement(this as unknown as GivenBack, {
      run: (query, values, callback) => this.#queryPlainly(query, values, callback),
      isDemoted: () => this.#demoted,
      settled: (now) => this.#isKept(now),
      abandoned: traits.abandoned,
    });
    readonly #unbegun = new Unbegun(this);
    #settingUp = true;
    readonly #lock = new SessionLock(traits.readOnly === true);
    readonly #mirror = traits.mirror === true ? this.#newMirror() : undefined;
    /** The server said that it is a standby, though this is the writer's side. */
    #demoted = false;

    constructor(config?: ClientConfig) {
      const address = addresses.pick();
      const options = addresses.configure(config, address);
      super(traits.readOnly === true ? readOnlyConfig(options) : options);
      lendSecrets(internals(this));
      this.#queryTimeout = takeQueryTimeout(this);
      this.address = address;
      this.endpointName = address.name;
      this.life = new ConnectionLife(traits.owner, traits.side, address.name);
      this.#endsAt = performance.now() + jittered(traits.lifetimeMillis);
      if (address.auth !== undefined) {
        this.#login = new Login(address.auth);
        setPassword(this, () => this.#login?.password(this as never));
      }
      internals(this).connection?.on?.("parameterStatus", (reported) => {
        this.#lock.reported(reported.parameterName, reported.parameterValue);
        if (reported.parameterName !== "in_hot_standby") return;
        const before = this.standby;
        this.standby = reported.parameterValue === "on";
        if (before !== true || this.standby) return;
        // Its endpoint leads to readers: another connection there reaches one, if there is any.
        if (traits.side === "reader") this.#retired = true;
        traits.promoted?.();
      });
      if (traits.side === "writer") {
        internals(this).connection?.on?.("errorMessage", ({ code, routine }) => {
          if (code === "25006" && routine?.startsWith("PreventCommand") === true) {
            this.#demoted = true;
          }
        });
      }
      traits.made?.(this as unknown as EndpointClient);
    }

    override connect(): Promise<Client>;
    override connect(callback: (error: Error | null) => void): void;
    override connect(callback?: (error: Error | null, client?: Client) => void): unknown {
      if (callback !== undefined) {
        this.#open((error) => callback(error, this));
        return undefined;
      }
      return new Promise<Client>((resolve, reject) => {
        this.#open((error) => {
          if (error === null) resolve(this);
          else reject(error);
        });
      }).catch(withCallersStack);
    }

    #open(callback: (error: Error | null) => void): void {
      const connect = (opened: (error?: Error | null) => void): void => {
        const ask = (): unknown => super.connect(opened as never);
        if (calls.veil === undefined) ask();
        else calls.veil.hide(ask);
      };
      this.#opening = new Opening(this, this.address, traits.side, connect, (error, millis) => {
        const problem = error ?? this.#misled();
        if (problem !== undefined) {
          const told = this.#failed(problem);
          if (millis > 0) this.life.failed(millis, told);
          callback(told);
          return;
        }
        this.address.opened();
        this.life.opened(millis);
        this.once("end", () => {
          this.address.closed();
          this.life.over();
          this.#noteGivenBack(0);
        });
        // The password has done its work, and nobody shall find it here.
        if (this.#login !== undefined) setPassword(this, null);
        if (!this.#lock.isOpen(this.standby)) callback(null);
        else this.#lock.close((text, done) => this.#queryPlainly(text, undefined, done), callback);
      });
    }

    /** pg's own: opens the socket, whose events go on in the context in which it was opened. */
    _connect(callback: unknown): void {
      if (calls.veil === undefined) inherited._connect.call(this, callback);
      else calls.veil.detach(() => inherited._connect.call(this, callback));
    }

    #newMirror(): MirrorSession {
      return new MirrorSession(
        () => this.getTransactionStatus() === "I",
        () => this.#queryPlainly(lockSession, undefined, ignore),
      );
    }

    /** It has reached a reader, and must lead to the writer. */
    #misled(): Error | undefined {
      if (this.standby === true) {
        return this.#strictGate && new NotTheWriter(this.endpointName, "reader");
      }
      // Where nobody asks who it is, this is all that will be known.
      if (traits.readers !== "refused") traits.gate?.()?.reached();
      return undefined;
    }

    /** What lets nobody through to a reader, if that is so here. */
    get #strictGate(): WriterGate | undefined {
      const gate = traits.gate?.();
      return traits.readers === "refused" || gate?.hasReached === true ? gate : undefined;
    }

    retire(): void {
      this.#retired = true;
      // Nobody knows where one that is still being opened will get to, or when.
      if (this.#opening?.over === false)
        this.cut(new Error("Connection terminated: its server is not to be used any more."));
    }

    get retired(): boolean {
      return this.#retired;
    }

    cut(error: Error): void {
      internals(this).connection?.stream.destroy(error);
    }

    get endedUnbegun(): boolean {
      return this.#unbegun.certain;
    }

    /** What went wrong, in terms of who may mend it. */
    #failed(error: Error): Error {
      // Without a password pg leaves the server waiting for one, and the process with a socket.
      internals(this).connection?.stream.destroy();
      if (this.endsWithPool) return error;
      const { error: told, retry } = this.#login?.failed(error) ?? { error, retry: false };
      if (retry || this.address.turnsFor(error)) {
        retryConnect(told);
        this.address.repeated();
      } else this.address.failed(told);
      return told;
    }

    /**
     * A cut connection must never end the process for want of an `error` listener: whoever uses it
     * learns of it from its own statement. (A listener of ours would do too, but pg-pool adds and
     * removes one of its own with each use, which costs more when it is not the only one.)
     */
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (this.listenerCount(event) === 0) return false;
      if (event === "notification" && this.care !== undefined) {
        this.care.notified(() => super.emit(event, ...args));
        return true;
      }
      return super.emit(event, ...args);
    }

    /** pg's own: sends the next query, or here what leaves with the one that is active. */
    _pulseQueryQueue(): void {
      if (this.#lock.stops(this.standby)) {
        const error = writableSession();
        this.life.ends("session-state", error);
        this.cut(error);
        return;
      }
      // Values and queries of callers are asked how they are sent.
      if (calls.veil === undefined) this.#pulse();
      else calls.veil.show(() => this.#pulse());
    }

    #pulse(): void {
      if (!this.#flight.pulse()) inherited._pulseQueryQueue.call(this);
    }

    /** pg's own: the server says that the active query has failed. */
    _handleErrorMessage(message: ErrorMessage): void {
      this.#unbegun.failed(message);
      if (isServerGoingAway(message)) this.life.ends("lost", message);
      this.#failure.take(message);
    }

    /** pg's own: the connection is lost. */
    _errorAllQueries(error: Error): void {
      this.#failure.release();
      if (internals(this)._ending !== true) this.life.ends("lost", error);
      inherited._errorAllQueries.call(this, error);
    }

    /** pg's own: the server is ready for the next query. */
    _handleReadyForQuery(message: { readonly status?: TransactionStatus } | undefined): void {
      const status = message?.status ?? null;
      this.#unbegun.ready();
      this.#failure.release(status);
      const isPiped = internals(this).pipeline === true;
      if (!isPiped && this.#flight.advance(status)) return;
      this.care?.ready(status);
      // What it has asked there leaves at once on a connection that is shared, and is answered next.
      if (!isPiped && this.#flight.advance(status)) return;
      inherited._handleReadyForQuery.call(this, message);
    }

    share(): void {
      this.#flight.share(true);
      if (this.load === undefined || this.#handedOutAt === 0) return;
      // How long many have it says nothing of one use.
      this.load.busy -= 1;
      this.#handedOutAt = 0;
    }

    unshare(): void {
      this.#flight.share(false);
    }

    get isShared(): boolean {
      return this.#flight.isShared;
    }

    get isShareable(): boolean {
      return isPgs && !this.isPooled && isPipelinable(this);
    }

    get prepared(): PreparedNames | undefined {
      return this.isPooled ? undefined : this.#prepared;
    }

    ride(
      plan: QueryPlan,
      name: string | undefined,
      known: Classification,
      callback: QueryCallback,
      companions: Companions | undefined,
    ): void {
      const { text } = plan;
      const { parsedStatements = {}, submittedNamedStatements: sent = {} } =
        internals(this).connection ?? {};
      const isTaken = name !== undefined && (parsedStatements[name] ?? sent[name] ?? text) !== text;
      if (isTaken || this.#mirror?.refusal(known) !== undefined) {
        process.nextTick(callback, new Error("It cannot share a connection with others."));
        return;
      }
      let query: LaneQuery;
      try {
        query = new LaneQuery(plan, name, callback);
      } catch (error) {
        process.nextTick(callback, error as Error);
        return;
      }
      if (companions === undefined) {
        this.#board(query);
        return;
      }
      this.#accompaniment.ride(companions, callback, (answer) => {
        query.callback = answer;
        this.#board(query);
      });
    }

    /** pg's own `query`: whoever watches that sees it, too. */
    #board(query: LaneQuery): void {
      if (calls.veil === undefined) super.query(query);
      else calls.veil.hide(() => super.query(query));
    }

    cancelRunning(): void {
      this.#cancelWith(requestCancel(this));
    }

    #cancelWith(request: Promise<void>): void {
      this.cancelling = request.finally(() => {
        this.cancelling = undefined;
      });
    }

    handOut(): void {
      this.#settingUp = false;
      if (this.load === undefined) return;
      this.load.busy += 1;
      this.#handedOutAt = performance.now();
    }

    /** @param now - by `performance.now()`; 0: it is closed, and how long it was used tells nothing */
    #noteGivenBack(now: number): void {
      if (this.load === undefined || this.#handedOutAt === 0) return;
      this.load.busy -= 1;
      if (now > 0) this.load.took(now - this.#handedOutAt, now);
      this.#handedOutAt = 0;
    }

    send(
      query: QueryInput,
      values?: unknown,
      callback?: QueryCallback,
      known?: Classification,
      companions?: Companions,
    ): unknown {
      // What this library sends itself is a copy already.
      let sent = known === undefined ? snapshot(query) : query;
      let parameters = values;
      const facts = classify === undefined ? undefined : (known ?? knownOf(query, classify));
      if (facts !== undefined) {
        const refusal = this.#mirror?.refusal(facts);
        if (refusal !== undefined) {
          sent = mirrorStatement(query, refusal);
          if (typeof values !== "function") parameters = undefined;
        } else if (!facts.reader) {
          this.#note(facts, query, values);
        }
      } else if (classify !== undefined) {
        this.#note(undefined, query, values);
      }
      if (companions === undefined) return this.#dispatch(sent, parameters, callback);
      return this.#accompaniment.send(sent, parameters, callback, companions);
    }

    ask(text: string, answered: (error: Error | undefined, row: Row | undefined) => void): void {
      const question = new Question(text, answered);
      const { _queryQueue } = internals(this);
      if (!isUsable(this)) {
        process.nextTick(() => question.handleError(new Error("The connection is closed.")));
        return;
      }
      if (_queryQueue === undefined) {
        this.#askOtherwise(text, answered);
        return;
      }
      // Past pg's `query`, which starts timers and warns of a queue that is not the caller's.
      _queryQueue.push(question);
      this._pulseQueryQueue();
    }

    /** The same of a client that is the application's own, and not one of pg's in disguise. */
    #askOtherwise(
      text: string,
      answered: (error: Error | undefined, row: Row | undefined) => void,
    ): void {
      const done: QueryCallback = (error, result) => {
        const rows = (result as { readonly rows?: readonly unknown[] } | undefined)?.rows;
        answered(error ?? undefined, error ? undefined : asRow(rows?.[0]));
      };
      this.#queryPlainly({ text, rowMode: "array" }, undefined, done);
    }

    #dispatch(sent: QueryInput, parameters: unknown, callback: QueryCallback | undefined): unknown {
      const signal = callback === undefined ? undefined : signalOf(sent);
      if (signal === undefined || callback === undefined) {
        return this.#queryPlainly(sent, parameters, callback);
      }
      if (signal.aborted) {
        process.nextTick(callback, abortReason(signal));
        return undefined;
      }
      const abortable = abortableQuery(this, sent, parameters, signal, callback, (request) =>
        this.#cancelWith(request),
      );
      return this.#queryPlainly(abortable, undefined, undefined);
    }

    /** pg's own `query`. */
    #queryPlainly(query: unknown, values: unknown, callback: unknown): unknown {
      const ready = internals(this).readyForQuery === true;
      if (this.#queryTimeout > 0 && isSubmittable(query)) {
        const carrier = query as { query_timeout?: number };
        carrier.query_timeout ??= this.#queryTimeout;
      }
      const ask = super.query as (...args: unknown[]) => unknown;
      try {
        if (calls.veil === undefined) return ask.call(this, query, values, callback);
        return calls.veil.hide(() => ask.call(this, query, values, callback));
      } catch (thrown) {
        // A query that pg has thrown at while it was sending it never ends by itself.
        if (ready && !isQuiet(this)) {
          this.life.ends("failed", thrown);
          abandonActive(internals(this));
        }
        throw thrown;
      }
    }

    #note(facts: Classification | undefined, query: QueryInput, values: unknown): void {
      if (this.#inSetUp) this.#settlement.session.noteSetUp(facts, query, values);
      else this.#settlement.session.note(facts);
    }

    get #inSetUp(): boolean {
      return this.#settingUp || isSettingUp(this);
    }

    // The overloads are pg's; the types of the arguments are checked there.
    override query(query: unknown, values?: unknown, callback?: unknown): never {
      return this.#queryByHand(query, values, callback) as never;
    }

    #queryByHand(asked: unknown, values: unknown, callback: unknown): unknown {
      if (asked === null || asked === undefined) {
        return this.#queryPlainly(asked, values, callback);
      }
      let query: QueryInput;
      let watched: WatchedQuery | undefined;
      try {
        query = this.#vetted(asked as QueryInput);
        watched = this.#inSetUp
          ? undefined
          : traits.watch(this as unknown as EndpointClient, query);
      } catch (error) {
        return failUnsent(asked as QueryInput, [callback, values], error as Error);
      }
      if (watched === undefined) {
        return this.#querySetUp(traits.commented?.(query) ?? query, values, callback);
      }
      return this.#queryWatched(values, callback, watched);
    }

    /** @throws why it may not be sent */
    #vetted(query: QueryInput): QueryInput {
      if (this.#lock.isOpen(this.standby)) throw writableSession();
      return traits.vet?.(this as unknown as EndpointClient, query) ?? query;
    }

    #queryWatched(
      values: unknown,
      callback: unknown,
      { query, known, answered, companions }: WatchedQuery,
    ): unknown {
      const send = (
        values: unknown,
        callback: QueryCallback | undefined,
        sent = query,
      ): unknown => {
        const limit = callback && limited(sent, this.#queryTimeout, callback);
        try {
          if (limit === undefined) return this.send(sent, values, callback, known, companions);
          return this.send(limit.query, values, limit.callback, known, companions);
        } catch (thrown) {
          answered(thrown as Error, true);
          throw thrown;
        }
      };
      if (isSubmittable(query)) {
        const heard = bindToCaller(hearEnd(query, answered));
        return send(values, callback as QueryCallback | undefined, heard);
      }
      const given =
        callback ??
        (typeof values === "function" ? values : (query as { callback?: unknown }).callback);
      const parameters = typeof values === "function" ? undefined : values;
      if (given !== undefined) {
        if (typeof given !== "function") {
          const problem = new TypeError("callback is not a function");
          answered(problem, true);
          companions?.behind?.answered(undefined, true, this.getTransactionStatus());
          throw problem;
        }
        const bound = inCallersContext(given as QueryCallback);
        send(parameters, (error, result) => {
          bound(answered(error ?? undefined), result);
        });
        return undefined;
      }
      return new Promise((resolve, reject) => {
        send(parameters, (error, result) => {
          const told = answered(error ?? undefined);
          if (told === undefined) resolve(result);
          else reject(told);
        });
      }).catch(withCallersStack);
    }

    /** A listener that does not look at its promise must not end the process when it fails. */
    #querySetUp(query: QueryInput, values: unknown, callback: unknown): unknown {
      const timed =
        this.#queryTimeout > 0 && !isSubmittable(query)
          ? { query_timeout: this.#queryTimeout, ...asConfig(query) }
          : query;
      const result = this.send(timed, values, callback as QueryCallback | undefined);
      if (result instanceof Promise) result.catch(traits.setUpFailed);
      return result;
    }

    settle(done: (problem?: Error) => void): void {
      this.#settlement.settle(done);
    }

    /** It is fit for the next user; whether it is used any longer. */
    #isKept(now: number): boolean {
      this.#noteGivenBack(now);
      if (this.#retired || addresses.isSurplus?.(this.address) === true) this.life.ends("retired");
      else if (this.#lock.isOpen(this.standby)) this.life.ends("session-state");
      else if (now > this.#endsAt) this.life.ends("lifetime");
      else return true;
      return false;
    }

    check(answered: (problem: Error | undefined) => void): void {
      this.#settlement.check(() => this.#strictGate === undefined, answered);
    }

    askRole(answered: (role: "writer" | "reader" | undefined) => void): void {
      this.#demoted = false;
      this.ask("select pg_catalog.pg_is_in_recovery()", (_error, row) => {
        const role = row === undefined ? undefined : row[0] === "t" ? "reader" : "writer";
        if (role === "reader") {
          // One that was retired before belongs to a writer that has been looked for since.
          if (!this.#retired) {
            this.#strictGate?.close(new NotTheWriter(this.endpointName, "reader"));
          }
          this.#retired = true;
        }
        answered(role);
      });
    }
  } as unknown as EndpointClientConstructor;
}
