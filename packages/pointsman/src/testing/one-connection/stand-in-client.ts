import { EventEmitter } from "node:events";
import {
  type CustomTypesConfig,
  type PoolClient,
  type QueryConfig,
  type TransactionStatus,
  TypeOverrides,
} from "pg";
import type { Target } from "../../routing/route.ts";
import { inCallersContext } from "../../servers/callers-context.ts";
import type { EndpointClient, WatchedQuery } from "../../servers/endpoint-client.ts";
import { hearEnd } from "../../servers/hear-end.ts";
import { mirrorStatement } from "../../servers/mirror.ts";
import { internals } from "../../servers/pg-internals.ts";
import { limited } from "../../servers/query-deadline.ts";
import {
  asConfig,
  asOneStatement,
  bindToCaller,
  derive,
  failSubmittable,
  failUnsent,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  textOf,
  withCallersStack,
} from "../../servers/query-input.ts";
import { settlingRelease } from "../../servers/settling-pool.ts";
import type { Taken } from "../../staging.ts";
import { type Classifier, createClassifier } from "../../statements/classify.ts";
import { isOpaque } from "../../statements/opaque.ts";
import { standbyRefusal } from "../../statements/standby-refusal.ts";
import type { Classification } from "../../statements/types.ts";
import type { Answer, Statement } from "./answer.ts";
import { Play } from "./play.ts";
import { isCursor, ReadAhead } from "./read-ahead.ts";
import type { SharedConnection } from "./shared-connection.ts";

interface Item {
  readonly statement: Statement;
  readonly answered: (answer: Answer) => void;
}

let patient: Classifier | undefined;

/** What a text does, however long it is: elsewhere a long one would block too much. */
function seen(query: QueryInput, known: Classification | undefined): Classification | undefined {
  const text = textOf(query);
  if (text === undefined || (known !== undefined && known.verdict !== "too-long")) return known;
  patient ??= createClassifier({ maxParseBytes: Number.MAX_SAFE_INTEGER });
  return patient.classify(text);
}

/**
 * What the code of an application takes for a connection of its own, where all of them are one. It
 * is what pools of this library hand out in its place, and has what they use of it.
 */
export class StandInClient extends EventEmitter {
  readonly side: Target;
  readonly #shared: SharedConnection;
  readonly #play: Play;
  readonly #abandoned: () => void;
  readonly #queue: Item[] = [];
  /** Something is queued, under way, or being answered. */
  #working = false;
  #sending = false;
  #released = false;
  #types: TypeOverrides | undefined;
  #whenDrained: (() => void) | undefined;

  // What pools and routers look at of a connection.
  care = undefined;
  load = undefined;
  readonly cancelling = undefined;
  readonly standby = undefined;
  readonly endedUnbegun = false;
  readonly retired = false;
  readonly _ending = false;
  readonly _ended = false;

  /** @param abandoned - called when it is given back inside an open transaction */
  constructor(shared: SharedConnection, side: Target, abandoned: () => void) {
    super();
    this.side = side;
    this.#shared = shared;
    this.#abandoned = abandoned;
    this.#play = new Play(shared, side, (event, args) => this.emit(event, ...args));
  }

  get endpointName(): string {
    return this.#shared.client.endpointName;
  }

  get address(): EndpointClient["address"] {
    return this.#shared.client.address;
  }

  get _queryable(): boolean {
    return !this.#released;
  }

  get readyForQuery(): boolean {
    return !this.#sending;
  }

  get _queryQueue(): readonly unknown[] {
    return this.#queue;
  }

  get processID(): number | null {
    return internals(this.#shared.client).processID ?? null;
  }

  get secretKey(): number | null {
    return internals(this.#shared.client).secretKey ?? null;
  }

  get connection(): unknown {
    return internals(this.#shared.client).connection;
  }

  get host(): unknown {
    return (this.#shared.client as unknown as { host: unknown }).host;
  }

  get port(): unknown {
    return (this.#shared.client as unknown as { port: unknown }).port;
  }

  get database(): unknown {
    return (this.#shared.client as unknown as { database: unknown }).database;
  }

  get user(): unknown {
    return (this.#shared.client as unknown as { user: unknown }).user;
  }

  /** As on connections: without a listener an `error` ends nothing. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return this.listenerCount(event) > 0 && super.emit(event, ...args);
  }

  getTransactionStatus(): TransactionStatus {
    return this.#play.status;
  }

  escapeIdentifier(text: string): string {
    return this.#shared.client.escapeIdentifier(text);
  }

  escapeLiteral(text: string): string {
    return this.#shared.client.escapeLiteral(text);
  }

  setTypeParser(...args: Parameters<TypeOverrides["setTypeParser"]>): void {
    this.#types ??= new TypeOverrides(this.#shared.client as unknown as CustomTypesConfig);
    this.#types.setTypeParser(...args);
  }

  getTypeParser(...args: Parameters<TypeOverrides["getTypeParser"]>): unknown {
    return (this.#types ?? this.#shared.client).getTypeParser(...args);
  }

  ref(): void {}
  unref(): void {}
  retire(): void {}
  cut(): void {}
  handOut(): void {}

  check(answered: (problem: Error | undefined) => void): void {
    answered(undefined);
  }

  askRole(answered: (role: "writer" | "reader" | undefined) => void): void {
    answered(this.side);
  }

  /** As of a connection: a query of this library, whose callbacks are bound already. */
  send(
    query: QueryInput,
    values?: unknown,
    callback?: QueryCallback,
    known?: Classification,
  ): unknown {
    const facts = seen(query, known);
    const refusal =
      this.side === "reader" && facts !== undefined ? standbyRefusal(facts) : undefined;
    const isRefused = refusal !== undefined;
    const sent = isRefused ? mirrorStatement(query, refusal) : query;
    const knownOf = isRefused ? harmless() : facts;
    if (!isSubmittable(query)) {
      const own = knownOf === undefined || isSubmittable(sent) ? sent : oneAtMost(sent, knownOf);
      const typed = this.#types === undefined ? own : withTypes(own, this.#types);
      const parameters = isRefused ? undefined : values;
      const answered = ({ error, result }: Answer): void => callback?.(error, result);
      this.#enqueue({ query: typed, values: parameters, facts: knownOf }, answered);
      return undefined;
    }
    const carrier = query as { callback?: unknown };
    carrier.callback ??= callback;
    if (isCursor(query)) {
      const ahead = new ReadAhead(query);
      const answered = ({ error }: Answer): void => ahead.loaded(error);
      this.#enqueue({ query: ahead, values: undefined, facts: knownOf }, answered);
      return query;
    }
    this.#enqueue({ query, values: undefined, facts: knownOf }, ({ error }) => {
      // What has reached the connection has told its sender by itself.
      if (error !== undefined) failSubmittable(query, error);
    });
    return query;
  }

  // The overloads are pg's; the types of the arguments are checked there.
  query(query: unknown, values?: unknown, callback?: unknown): never {
    return this.#queryByHand(query, values, callback) as never;
  }

  #queryByHand(query: unknown, values: unknown, callback: unknown): unknown {
    if (query === null || query === undefined) {
      throw new TypeError("Client was passed a null or undefined query");
    }
    const input = query as QueryInput;
    let watched: WatchedQuery;
    try {
      watched = this.#shared.client.watch(this as unknown as EndpointClient, input);
    } catch (error) {
      return failUnsent(input, [callback, values], error as Error);
    }
    const { query: sent } = watched;
    if (isSubmittable(sent)) {
      const given = [callback, values].find((one) => typeof one === "function");
      const heard = bindToCaller(hearEnd(sent, watched.answered));
      return this.send(heard, undefined, given as QueryCallback | undefined);
    }
    const given =
      callback ??
      (typeof values === "function" ? values : (query as { callback?: unknown }).callback);
    const parameters = typeof values === "function" ? undefined : values;
    const send = (done: QueryCallback): void => {
      const limit = limited(sent, 0, done);
      this.send(limit?.query ?? sent, parameters, limit?.callback ?? done);
    };
    if (given !== undefined) {
      if (typeof given !== "function") {
        const problem = new TypeError("callback is not a function");
        watched.answered(problem, true);
        throw problem;
      }
      const bound = inCallersContext(given as QueryCallback);
      send((error, result) => bound(watched.answered(error ?? undefined), result));
      return undefined;
    }
    return new Promise((resolve, reject) => {
      send((error, result) => {
        const told = watched.answered(error ?? undefined);
        if (told === undefined) resolve(result);
        else reject(told);
      });
    }).catch(withCallersStack);
  }

  #enqueue(statement: Statement, answered: (answer: Answer) => void): void {
    this.#queue.push({ statement, answered });
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      this.#sending = true;
      const answer = await this.#play.run(item.statement);
      this.#sending = false;
      try {
        item.answered(answer);
      } catch (thrown) {
        // As in pg: an error in a callback is nobody's here, and must not stop the queue.
        process.nextTick(() => {
          throw thrown;
        });
      }
    }
    this.#working = false;
    this.emit("drain");
    this.#whenDrained?.();
  }

  /** Brings it to an end, once what was sent on it is answered. */
  settle(done: (problem?: Error) => void): void {
    const end = async (): Promise<void> => {
      const isOpen = this.#play.status !== "I";
      await this.#play.end();
      this.#released = true;
      if (isOpen) this.#abandoned();
      done();
    };
    if (!this.#sending && this.#queue.length === 0) void end();
    else this.#whenDrained = () => void end();
  }
}

/** A query whose answer is parsed as its client has been told, where it does not say so itself. */
function withTypes(query: QueryInput, types: TypeOverrides): QueryInput {
  if (isSubmittable(query)) return query;
  const config = asConfig(query);
  return config.types === undefined
    ? derive(config, { types: types as unknown as CustomTypesConfig })
    : query;
}

/**
 * A copy of a query, which can be of several statements only where they are known: the server refuses
 * others in the extended protocol. One of them might be COMMIT.
 */
function oneAtMost(query: string | QueryConfig<unknown[]>, facts: Classification): QueryInput {
  return isOpaque(facts) ? asOneStatement(query) : snapshot(query);
}

/**
 * Lends a client that stands on a shared connection.
 *
 * @param returned - called when it was given back
 */
export function lendStandIn(
  shared: SharedConnection,
  side: Target,
  pool: EventEmitter,
  callback: Taken,
  returned: () => void = () => {},
): void {
  const standIn = new StandInClient(shared, side, () => {
    pool.emit("abandoned", { outcome: "rolled back" });
  });
  const client = standIn as unknown as PoolClient & EndpointClient;
  client.release = settlingRelease(client, returned);
  process.nextTick(callback, undefined, client, client.release);
}

const classifier = createClassifier({ maxEntries: 1 });

/** What is known of a text that raises an error in place of another one. */
function harmless(): Classification {
  return classifier.classify("select 1");
}
