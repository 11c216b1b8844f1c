import { Client, type ClientBase, type ClientConfig, type TransactionStatus } from "pg";
import type { Target } from "../routing/route.ts";
import { mayLeaveState } from "../statements/session-state.ts";
import { standbyRefusal } from "../statements/standby-refusal.ts";
import type { Classification, Statement } from "../statements/types.ts";
import { abortableQuery, abortReason, signalOf } from "./abortable-query.ts";
import { inCallersContext } from "./callers-context.ts";
import { type Behind, type Companions, type ConnectionCare, readerBehind } from "./companions.ts";
import { retryConnect } from "./connect-retry.ts";
import type { EndpointAddresses } from "./endpoint-addresses.ts";
import { Flight, type QueueMethods } from "./flight.ts";
import { HeldAnswer } from "./held-answer.ts";
import { type ErrorMessage, HeldFailure } from "./held-failure.ts";
import { Login } from "./login.ts";
import { mirrorStatement } from "./mirror.ts";
import {
  abandonActive,
  internals,
  isQuiet,
  isUsable,
  lendSecrets,
  setPassword,
  whenQuiet,
} from "./pg-internals.ts";
import {
  bindToCaller,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  textOf,
  withCallersStack,
} from "./query-input.ts";
import { Question, type Row } from "./question.ts";
import { forgetPrepared, resetBatch, type SetUpStatement } from "./reset-session.ts";
import { isSettingUp } from "./set-up.ts";
import type { Settling } from "./settling-pool.ts";

/** What a side of the cluster asks of its connections. */
export interface EndpointTraits {
  readonly side: Target;
  /** Where to connect: one of these for each new connection. */
  readonly addresses: EndpointAddresses;
  /** Given when connections are shared by conversations, and must be clean for the next one. */
  readonly classify?: ((sql: string) => Classification) | undefined;
  /** Refuse what a standby refuses. */
  readonly mirror?: boolean;
  /** Called for each statement of a user; what it returns is called with the outcome. */
  readonly watch: WatchQuery;
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
  readonly companions?: Companions | undefined;
  readonly answered: (error: Error | undefined) => void;
}

/** A connection to one server, as the pools of this library have them. */
export interface EndpointClient extends ClientBase, Settling {
  readonly side: Target;
  /** `host:port` that it was opened to. */
  readonly endpointName: string;
  /** Whether the server has reported to be a standby; `undefined`: it has reported nothing. */
  readonly standby: boolean | undefined;
  /** A cancel request under way: the connection must not be used before it is over. */
  readonly cancelling: Promise<void> | undefined;
  /** What looks after the connection, once its server is known. */
  care: ConnectionCare | undefined;
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
  /** Asks the server a question of this library's own. */
  ask(text: string, answered: (error: Error | undefined, row: Row | undefined) => void): void;
}

type ClientConstructor = new (config?: ClientConfig) => Client;
type EndpointClientConstructor = new (config?: ClientConfig) => Client & EndpointClient;

const ignore = (): void => {};

function factsOf(
  query: QueryInput,
  classify: (sql: string) => Classification,
): Classification | undefined {
  const text = textOf(query);
  return text === undefined ? undefined : classify(text);
}

/** A row of parsed values as PostgreSQL writes them; `undefined` for what is no row. */
function asText(row: unknown): Row | undefined {
  if (!Array.isArray(row)) return undefined;
  return row.map((value: unknown) => {
    if (typeof value === "boolean") return value ? "t" : "f";
    return value === null || value === undefined ? null : String(value);
  });
}

/** Whether a statement can make the session of a mirror writable; a standby's stays as it is. */
function canUnlock({ command, functions, transaction }: Statement): boolean {
  return (
    command === "DO" ||
    (transaction?.kind === "set-default" && transaction.readOnly === false) ||
    functions.some((call) => call.name === "set_config")
  );
}

/**
 * Makes the class of a side's connections: `pg.Client`, or the class given by the application, with
 * what this library needs to know about a connection.
 */
export function endpointClientClass(
  Base: ClientConstructor | undefined,
  traits: EndpointTraits,
): EndpointClientConstructor {
  const { addresses, classify } = traits;
  const inherited = (Base ?? Client).prototype as unknown as QueueMethods;

  return class PointsmanClient extends (Base ?? Client) implements EndpointClient {
    readonly side = traits.side;
    readonly endpointName: string;
    standby: boolean | undefined;
    cancelling: Promise<void> | undefined;
    care: ConnectionCare | undefined;
    readonly #flight = new Flight(this);
    readonly #failure = new HeldFailure(this, (message) =>
      inherited._handleErrorMessage.call(this, message),
    );
    readonly #address;
    readonly #login: Login | undefined;
    readonly #setUp: SetUpStatement[] = [];
    #settingUp = true;
    /** Session state that the next user must not see; `"for good"` when no reset removes it. */
    #state: "clean" | "changed" | "for good" = "clean";
    #mayBeUnlocked = false;
    /** Whether what the set-up did is known well enough to do it again. */
    #resettable = true;
    /** The server said that it is a standby, though this is the writer's side. */
    #demoted = false;

    constructor(config?: ClientConfig) {
      const address = addresses.pick();
      super(addresses.configure(config, address));
      lendSecrets(internals(this));
      this.#address = address;
      this.endpointName = address.name;
      if (address.auth !== undefined) {
        this.#login = new Login(address.auth);
        setPassword(this, () => this.#login?.password(this as never));
      }
      internals(this).connection?.on?.("parameterStatus", ({ parameterName, parameterValue }) => {
        if (parameterName === "in_hot_standby") this.standby = parameterValue === "on";
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
      const opened = (error?: Error | null): void => {
        if (error === undefined || error === null) {
          this.#address.opened();
          this.once("end", () => this.#address.closed());
          // The password has done its work, and nobody shall find it here.
          if (this.#login !== undefined) setPassword(this, null);
          callback(null);
        } else callback(this.#failed(error));
      };
      this.#address.opening += 1;
      const { stream } = internals(this).connection ?? {};
      let waiting = true;
      let giveUp = (): void => {};
      // Pools destroy the stream of a connection that takes too long.
      const closed = (): void => {
        giveUp();
        opened(new Error("Connection terminated while it waited to be opened"));
      };
      giveUp = this.#address.whenItsTurn(() => {
        waiting = false;
        stream?.removeListener("close", closed);
        super.connect(opened as never);
      });
      if (waiting) stream?.once("close", closed);
    }

    /** What went wrong, in terms of who may mend it. */
    #failed(error: Error): Error {
      // Without a password pg leaves the server waiting for one, and the process with a socket.
      internals(this).connection?.stream.destroy();
      const { error: told, retry } = this.#login?.failed(error) ?? { error, retry: false };
      if (retry || this.#address.turnsFor(error)) {
        retryConnect(told);
        this.#address.repeated();
      } else this.#address.failed(told);
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
      if (!this.#flight.pulse()) inherited._pulseQueryQueue.call(this);
    }

    /** pg's own: the server says that the active query has failed. */
    _handleErrorMessage(message: ErrorMessage): void {
      this.#failure.take(message);
    }

    /** pg's own: the connection is lost. */
    _errorAllQueries(error: Error): void {
      this.#failure.release();
      inherited._errorAllQueries.call(this, error);
    }

    /** pg's own: the server is ready for the next query. */
    _handleReadyForQuery(message: { readonly status?: TransactionStatus } | undefined): void {
      const status = message?.status ?? null;
      this.#failure.release(status);
      if (internals(this).pipeline !== true && this.#flight.advance(status)) return;
      this.care?.ready(status);
      inherited._handleReadyForQuery.call(this, message);
    }

    handOut(): void {
      this.#settingUp = false;
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
      const facts = classify === undefined ? undefined : (known ?? factsOf(query, classify));
      if (facts !== undefined) {
        const refusal = traits.mirror === true ? this.#refusalOfMirror(facts) : undefined;
        if (refusal !== undefined) {
          sent = mirrorStatement(query, refusal);
          if (typeof values !== "function") parameters = undefined;
        } else if (!facts.reader) {
          this.#noteSession(facts, query, values);
        }
      } else if (classify !== undefined) {
        this.#noteUnseen();
      }
      if (companions === undefined) return this.#dispatch(sent, parameters, callback);
      return this.#accompany(sent, parameters, callback, companions);
    }

    /** Sends a query together with the questions that belong to it. */
    #accompany(
      query: QueryInput,
      values: unknown,
      callback: QueryCallback | undefined,
      { proof, behind }: Companions,
    ): unknown {
      if (proof === undefined) {
        return behind === undefined
          ? this.#dispatch(query, values, callback)
          : this.#askBehind(query, values, callback, behind);
      }
      if (proof.first || isSubmittable(query) || signalOf(query) !== undefined) {
        this.ask(proof.text, (error, row) => {
          if (proof.holds(row)) {
            this.#accompany(query, values, callback, { behind });
            return;
          }
          behind?.answered(undefined, true, this.getTransactionStatus());
          callback?.(isUsable(this) ? readerBehind : error);
        });
        return undefined;
      }
      let holds = false;
      this.#flight.together(() => {
        this.ask(proof.text, (_error, row) => {
          holds = proof.holds(row);
        });
        const held = behind && new HeldAnswer(callback, behind, this);
        const deliver = held?.callback ?? callback;
        this.#dispatch(query, values, (error, result) => {
          if (holds || !isUsable(this)) deliver?.(error, result);
          else deliver?.(readerBehind);
        });
        if (behind?.text !== undefined) this.ask(behind.text, (_error, row) => held?.answered(row));
      });
      return undefined;
    }

    /** Sends a query, and a question behind it: in one flight if nothing is in front of them. */
    #askBehind(
      query: QueryInput,
      values: unknown,
      callback: QueryCallback | undefined,
      behind: Behind,
    ): unknown {
      const held = new HeldAnswer(callback, behind, this);
      const submitsItself = isSubmittable(query);
      const send = (): unknown => {
        try {
          const result = this.#dispatch(query, values, submitsItself ? callback : held.callback);
          if (behind.text !== undefined) {
            this.#flight.holdIfRefused();
            this.ask(behind.text, (_error, row) => held.answered(row));
          } else if (submitsItself) held.released();
          return result;
        } catch (thrown) {
          held.released();
          throw thrown;
        }
      };
      if (submitsItself || !isQuiet(this)) return send();
      let result: unknown;
      this.#flight.together(() => {
        result = send();
      });
      return result;
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
        answered(error ?? undefined, error ? undefined : asText(rows?.[0]));
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
      const abortable = abortableQuery(this, sent, parameters, signal, callback, (request) => {
        this.cancelling = request.finally(() => {
          this.cancelling = undefined;
        });
      });
      return this.#queryPlainly(abortable, undefined, undefined);
    }

    /** pg's own `query`. */
    #queryPlainly(query: unknown, values: unknown, callback: unknown): unknown {
      const ready = internals(this).readyForQuery === true;
      try {
        return (super.query as (...args: unknown[]) => unknown).call(this, query, values, callback);
      } catch (thrown) {
        // A query that pg has thrown at while it was sending it never ends by itself.
        if (ready && !isQuiet(this)) abandonActive(internals(this));
        throw thrown;
      }
    }

    /** What a standby would say; and what the session has unlocked is locked again. */
    #refusalOfMirror(facts: Classification): string | undefined {
      if (this.#mayBeUnlocked && this.getTransactionStatus() === "I") {
        this.#mayBeUnlocked = false;
        this.#queryPlainly("set default_transaction_read_only = on", undefined, ignore);
      }
      if (facts.statements.some(canUnlock)) this.#mayBeUnlocked = true;
      return standbyRefusal(facts);
    }

    #noteSession(facts: Classification, query: QueryInput, values: unknown): void {
      if (this.#inSetUp) {
        this.#noteSetUp(facts, query, values);
      } else if (facts.session.includes("library")) {
        this.#state = "for good";
      } else if (this.#state === "clean" && mayLeaveState(facts)) {
        this.#state = "changed";
      }
    }

    /** What the set-up leaves on the connection is made again after a reset, or forbids one. */
    #noteSetUp(facts: Classification, query: QueryInput, values: unknown): void {
      if (facts.session.length > 0 && !isSubmittable(query)) {
        this.#setUp.push({ query, values: Array.isArray(values) ? values : undefined });
      } else if (facts.effect !== "read" && facts.effect !== "transaction") {
        this.#resettable = false;
      }
    }

    #noteUnseen(): void {
      if (this.#inSetUp) this.#resettable = false;
      else if (this.#state === "clean") this.#state = "changed";
    }

    get #inSetUp(): boolean {
      return this.#settingUp || isSettingUp(this);
    }

    // The overloads are pg's; the types of the arguments are checked there.
    override query(query: unknown, values?: unknown, callback?: unknown): never {
      return this.#queryByHand(query, values, callback) as never;
    }

    #queryByHand(query: unknown, values: unknown, callback: unknown): unknown {
      if (query === null || query === undefined) {
        return this.#queryPlainly(query, values, callback);
      }
      if (this.#inSetUp) return this.#querySetUp(query as QueryInput, values, callback);
      const { answered, companions } = traits.watch(
        this as unknown as EndpointClient,
        query as QueryInput,
      );
      const send = (
        values: unknown,
        callback: QueryCallback | undefined,
        sent = query as QueryInput,
      ): unknown => this.send(sent, values, callback, undefined, companions);
      if (isSubmittable(query)) {
        answered(undefined);
        return send(values, callback as QueryCallback | undefined, bindToCaller(query));
      }
      const given =
        callback ??
        (typeof values === "function" ? values : (query as { callback?: unknown }).callback);
      const parameters = typeof values === "function" ? undefined : values;
      if (given !== undefined) {
        if (typeof given !== "function") throw new TypeError("callback is not a function");
        const bound = inCallersContext(given as QueryCallback);
        send(parameters, (error, result) => {
          answered(error ?? undefined);
          bound(error, result);
        });
        return undefined;
      }
      return new Promise((resolve, reject) => {
        send(parameters, (error, result) => {
          answered(error ?? undefined);
          if (error) reject(error);
          else resolve(result);
        });
      }).catch(withCallersStack);
    }

    /** A listener that does not look at its promise must not end the process when it fails. */
    #querySetUp(query: QueryInput, values: unknown, callback: unknown): unknown {
      const result = this.send(query, values, callback as QueryCallback | undefined);
      if (result instanceof Promise) result.catch(traits.setUpFailed);
      return result;
    }

    settle(done: (problem?: Error) => void): void {
      // Most are given back as they were taken: this is all it takes to see that.
      if (this.#state === "clean" && !this.#demoted && this.cancelling === undefined) {
        if (isQuiet(this) && isUsable(this) && this.getTransactionStatus?.() === "I") {
          done();
          return;
        }
      }
      if (this.cancelling !== undefined) {
        this.cancelling.then(() => this.settle(done));
        return;
      }
      whenQuiet(this, () => this.#settleQuiet(done));
    }

    #settleQuiet(done: (problem?: Error) => void): void {
      if (!isUsable(this)) {
        done();
        return;
      }
      const status = this.getTransactionStatus?.() ?? null;
      if (status === "T" || status === "E") {
        this.#runQuietly([{ query: "ROLLBACK" }], (problem) => {
          traits.abandoned(problem === undefined ? "rolled back" : "destroyed");
          if (problem === undefined) this.#settleQuiet(done);
          else done(problem);
        });
      } else if (this.#demoted) {
        this.#askWhetherDemoted(done);
      } else if (this.#state === "for good" || (this.#state === "changed" && !this.#resettable)) {
        done(new Error("The connection carries session state that cannot be reset."));
      } else if (this.#state === "changed") {
        forgetPrepared(internals(this).connection);
        this.#runQuietly(resetBatch(this.#setUp), (problem) => {
          this.#state = "clean";
          done(problem);
        });
      } else {
        done();
      }
    }

    /** An INSERT in the caller's own READ ONLY transaction is refused with the same code. */
    #askWhetherDemoted(done: (problem?: Error) => void): void {
      this.#demoted = false;
      const answered: QueryCallback = (error, result) => {
        const rows = (result as { rows?: { standby: boolean }[] } | undefined)?.rows;
        if (error || rows?.[0]?.standby !== false) {
          done(new Error("The connection leads to a server that is not the writer any more."));
        } else {
          whenQuiet(this, () => this.#settleQuiet(done));
        }
      };
      this.send("select pg_is_in_recovery() as standby", answered);
    }

    /** Runs statements one after another and calls back when the connection is quiet again. */
    #runQuietly(batch: readonly SetUpStatement[], done: (problem?: Error) => void): void {
      const [first, ...rest] = batch;
      if (first === undefined) {
        whenQuiet(this, () => {
          const idle = this.getTransactionStatus() === "I";
          done(idle ? undefined : new Error("The connection could not be reset."));
        });
        return;
      }
      const next = (error: unknown): void => {
        if (error) done(error as Error);
        else this.#runQuietly(rest, done);
      };
      this.#queryPlainly(first.query, first.values, next);
    }
  } as unknown as EndpointClientConstructor;
}
