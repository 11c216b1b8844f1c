import { LRUCache } from "lru-cache";
import { type Call, type CallOrigin, callOrigin } from "./call.ts";
import type { Config } from "./config/config.ts";
import type { Demand, FreshnessWish } from "./consistency/demand.ts";
import type { Freshness, Remedy } from "./consistency/freshness.ts";
import { readFreshness } from "./consistency/read-freshness.ts";
import {
  type Dispatch,
  runErrand,
  type TakenClient,
  type TrackCallback,
  type Uses,
} from "./errand.ts";
import { isLoss, onlyReads, toldOfLoss } from "./lost-statement.ts";
import { decide, type RouteContext, routes } from "./routing/decide.ts";
import { readsMigrations } from "./routing/migration-tables.ts";
import type { Reason } from "./routing/reasons.ts";
import { reasons } from "./routing/reasons.ts";
import type { Route, Target } from "./routing/route.ts";
import type { Scope } from "./scope.ts";
import { signalOf } from "./servers/abortable-query.ts";
import { type Companions, readerBehind } from "./servers/companions.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import type { Sides } from "./servers/open-sides.ts";
import { isUsable, preferIdle } from "./servers/pg-internals.ts";
import {
  derive,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  textOf,
} from "./servers/query-input.ts";
import { isReaderRefusal, isSchemaMissing } from "./servers/refusal.ts";
import { type Replayable, replayable, watched } from "./servers/replayable.ts";
import type { Release, SettlingPool } from "./servers/settling-pool.ts";
import type { Classifier } from "./statements/classify.ts";
import type { Classification } from "./statements/types.ts";
import { type StatementEvent, statementChannel } from "./telemetry/channels.ts";

/** A memory of texts, bounded in their number and in the memory that they take. */
function boundedTexts<V extends true | string>(): LRUCache<string, V> {
  return new LRUCache({
    max: 10_000,
    maxSize: 8 * 1024 * 1024,
    sizeCalculation: (value, key) => 2 * (key.length + (value === true ? 0 : value.length)) + 64,
  });
}

/** A query whose text cannot be seen: nothing is known, so it may do anything. */
const unseen: Classification = Object.freeze({
  effect: "write",
  verdict: "unparsable",
  reader: false,
  statements: [],
  reads: [],
  writes: [],
  functions: [],
  session: [],
  repeatable: false,
});

/**
 * Takes a statement from its text to the connection that runs it, puts right what a reader
 * refuses, and counts. `pool.query()` and checked-out clients share it: there is one way.
 */
export class Router implements Dispatch {
  readonly #sides: Sides;
  readonly #classifier: Classifier;
  readonly #readOnlyTransactions: Target;
  readonly #refused = boundedTexts<true>();
  /** Refused too late to be moved: the writer has them next, and tells whether that is right. */
  readonly #suspects = boundedTexts<true>();
  readonly #names = boundedTexts<string>();
  /** Statements answered, by the reason of their route. */
  readonly counts: Record<Reason, number>;
  readonly targets: Record<Target, number> = { writer: 0, reader: 0 };
  refusals = 0;

  readonly uses: Uses | undefined;
  readonly #freshness: Freshness;

  /** @param uses - hears of connections taken and given back by `run` */
  constructor(
    sides: Sides,
    classifier: Classifier,
    config: Config,
    freshness: Freshness,
    uses?: Uses,
  ) {
    this.#sides = sides;
    this.#freshness = freshness;
    this.uses = uses;
    this.#classifier = classifier;
    this.#readOnlyTransactions = config.readOnlyTransactions;
    this.counts = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, 0])) as Record<
      Reason,
      number
    >;
  }

  classify(text: string | undefined): Classification {
    return text === undefined ? unseen : this.#classifier.classify(text);
  }

  /**
   * A statement as it is called now.
   *
   * @throws ConfigError when it asks for a freshness that there is not
   */
  call(query: QueryInput, values: unknown, scope: Scope | undefined): Call {
    const own = this.#withText(snapshot(query));
    const text = textOf(own);
    const facts = this.classify(text);
    const demand = this.demand(scope, readFreshness(own));
    return { query: own, values, text, facts, demand, origin: callOrigin() };
  }

  /** How fresh reads must be that are called in a scope. */
  demand(scope: Scope | undefined, wish?: FreshnessWish): Demand {
    const session = scope?.sessions?.find((one) => this.#freshness.owns(one));
    if (scope?.freshness === undefined) return this.#freshness.demand(session, wish);
    return this.#freshness.demand(session, { ...scope.freshness, ...wish });
  }

  /** What must leave with a statement on a connection; `"behind"`: it must not be sent there. */
  attend(client: EndpointClient, call: Call): Companions | "behind" | undefined {
    const facts = call.text === undefined ? undefined : call.facts;
    return this.#freshness.attend(client, facts, call.demand, isSubmittable(call.query));
  }

  /**
   * A statement that may write is on its way: reads that must see it wait for the writer from now on.
   *
   * @returns to be called when it has its answer; `undefined` for what writes nothing
   */
  expectWrite({ query, text, facts, demand }: Call): (() => void) | undefined {
    if (demand === undefined || isSubmittable(query)) return undefined;
    return this.#freshness.expectWrite(text === undefined ? undefined : facts, demand);
  }

  /** Calls back with another way for a read whose reader was behind. */
  remedy(call: Call, route: Route, tries: number, next: (route: Route) => void): void {
    if (call.demand === undefined) {
      next(routes.writer["reader-behind"]);
      return;
    }
    this.#freshness.remedy(call.demand, tries).then((remedy) => next(routeOf(remedy, route)));
  }

  /** A statement that is called by its name alone must be known on whichever side runs it. */
  #withText(query: QueryInput): QueryInput {
    if (typeof query !== "object" || query === null || isSubmittable(query)) return query;
    const { name, text } = query;
    if (typeof name !== "string") return query;
    if (typeof text === "string") {
      if (this.#names.get(name) !== text) this.#names.set(name, text);
      return query;
    }
    const known = this.#names.get(name);
    return known === undefined ? query : derive(query, { text: known });
  }

  /** Where a statement goes, with what this router knows besides the caller's context. */
  route({ facts, text, demand }: RoutedCall, context: RouteContext): Route {
    const { readers } = this.#sides;
    // Field by field: spreading the context here takes a third of what routing costs in all.
    return decide(facts, {
      transaction: context.transaction,
      conversation: context.conversation,
      scope: context.scope,
      asked: context.asked,
      refused: this.#isRefused(text),
      stale:
        readers === undefined || demand === undefined
          ? undefined
          : this.#freshness.staleness(demand),
      migrations: readsMigrations(facts),
      readOnlyTransactions: this.#readOnlyTransactions,
    });
  }

  /**
   * Takes a connection for a route. Where no reader can be reached it is the writer's, and the
   * route that is called back says so.
   *
   * @param budget - milliseconds to wait at most; `undefined`: as the pool was configured
   * @param demand - what the statement must see; where it is known that no reader has that, the
   * error that is called back with is `readerBehind`
   */
  acquire(
    route: Route,
    budget: number | undefined,
    demand: Demand | undefined,
    callback: TrackCallback,
  ): void {
    const { readers, reader } = this.#sides;
    if (route.target === "writer" || readers === undefined) {
      this.#acquireWriter(route, budget, callback);
      return;
    }
    if (demand !== undefined && demand.line?.position !== undefined) {
      if (this.#freshness.isHopeless(demand)) {
        callback(readerBehind, undefined, () => {}, route);
        return;
      }
    }
    if (demand !== undefined) {
      if (this.#freshness.isDoubtful(demand)) {
        this.#freshness
          .resolveDoubt(demand)
          .then(() => this.acquire(route, budget, demand, callback));
        return;
      }
      const preference = this.#freshness.preference(demand);
      if (preference !== undefined) preferIdle(reader, preference);
    }
    const limit = budget ?? (reader.options.connectionTimeoutMillis || undefined);
    const deadline = limit === undefined ? undefined : performance.now() + limit;
    this.#acquireReader(route, deadline, readers.addresses.all.length, callback);
  }

  /** A connection that nobody has used for a while is asked first: a write cannot be sent twice. */
  #acquireWriter(route: Route, budget: number | undefined, callback: TrackCallback): void {
    takeWithin(this.#sides.writer, budget, route, (error, client, release, taken) => {
      if (client === undefined || client.idleMillis < doubtfulMillis) {
        callback(error, client, release, taken);
        return;
      }
      client.check((fit) => {
        if (fit) {
          callback(undefined, client, release, taken);
          return;
        }
        client.cut(new Error(`${client.endpointName} did not answer after a pause.`));
        release(true);
        this.#acquireWriter(route, budget, callback);
      });
    });
  }

  #acquireReader(
    route: Route,
    deadline: number | undefined,
    attempts: number,
    callback: TrackCallback,
  ): void {
    const { readers, reader } = this.#sides;
    if (readers === undefined) return;
    const { addresses, identity } = readers;
    if (identity.problem !== undefined) {
      callback(identity.problem, undefined, () => {}, route);
      return;
    }
    if (attempts === 0 || (!addresses.available && reader.idleCount === 0)) {
      this.#acquireInstead(deadline, callback);
      return;
    }
    if (deadline === undefined || reader.idleCount > reader.waitingCount) {
      takeWithin(reader, undefined, route, (error, client, release) => {
        if (error !== undefined && addresses.isConnectFailure(error)) {
          // Another endpoint if one is left, else the writer.
          this.#acquireReader(route, deadline, attempts - 1, callback);
        } else callback(error, client, release, route);
      });
      return;
    }
    // A reader that stays silent has half of the time, so that the writer has the other.
    const left = remaining(deadline);
    const unreachable = (): boolean => addresses.opening > 0 || !addresses.available;
    takePatiently(reader, [left / 2, left], unreachable, (outcome, error, client, release) => {
      if (outcome === "given up") this.#acquireInstead(deadline, callback);
      else if (error !== undefined && addresses.isConnectFailure(error)) {
        this.#acquireReader(route, deadline, attempts - 1, callback);
      } else callback(error, client, release, route);
    });
  }

  /** Takes the writer's connection, since no reader can be reached. */
  #acquireInstead(deadline: number | undefined, callback: TrackCallback): void {
    const budget = deadline === undefined ? undefined : remaining(deadline);
    this.#acquireWriter(routes.writer["reader-unavailable"], budget, callback);
  }

  /** Sends one statement on a connection of its own. */
  run(call: Call, route: Route, callback: QueryCallback): void {
    runErrand(this, call, route, callback);
  }

  /** Counts a refusal by a reader, and gives the route of the second attempt. */
  afterRefusal(): Route {
    this.refusals += 1;
    return routes.writer["after-refusal"];
  }

  #mayRepeat(call: Call, route: Route): boolean {
    return route.target === "reader" && this.#sides.readers !== undefined && call.facts.repeatable;
  }

  #isRefused(text: string | undefined): boolean {
    if (text === undefined || this.#refused.size + this.#suspects.size === 0) return false;
    return this.#refused.has(text) || this.#suspects.has(text);
  }

  /** What to submit in place of a cursor or a stream that may have to move to the writer. */
  movable(call: Call, route: Route): Replayable | undefined {
    if (!isSubmittable(call.query)) return undefined;
    if (this.#suspects.size > 0 && call.text !== undefined && this.#suspects.has(call.text)) {
      return watched(call.query);
    }
    if (!this.#mayRepeat(call, route)) return undefined;
    return replayable(call.query, () => {
      this.refusals += 1;
      if (call.text !== undefined) this.#suspects.set(call.text, true);
    });
  }

  /**
   * Decides what becomes of a statement that has failed.
   *
   * @param next - called, now or later, with the route on which it is sent again, or without one
   * and with what its caller is told
   */
  recover(
    call: Call,
    route: Route,
    client: EndpointClient,
    error: Error,
    { inTransaction, movable, tries }: Circumstances,
    next: (again: Route | undefined, told: Error) => void,
  ): void {
    const aborted = signalOf(call.query)?.aborted === true;
    const free = !inTransaction && !isSubmittable(call.query) && !aborted && tries < mostRepeats;
    if (free && client.side === "reader") {
      const again = this.#repetition(call, route, client, error);
      if (again !== undefined) {
        next(again, error);
        return;
      }
    }
    if (isLoss(error, client)) {
      if (free && movable && mayBeResent(call)) next(routes[route.target]["after-loss"], error);
      else next(undefined, aborted ? error : toldOfLoss(error, { ...call, inTransaction }, client));
      return;
    }
    if (client.side === "writer" && isReaderRefusal(error) && isIdle(client)) {
      client.askRole((role) => {
        const moves = role === "reader" && free && movable && call.facts.repeatable;
        next(moves ? routes[route.target]["writer-moved"] : undefined, error);
      });
      return;
    }
    next(undefined, error);
  }

  /** The route on which a statement is sent again that a reader could not serve, if it may be. */
  #repetition(call: Call, route: Route, client: EndpointClient, error: Error): Route | undefined {
    if (!this.#mayRepeat(call, route)) return undefined;
    if (isReaderRefusal(error)) return this.afterRefusal();
    if (isLoss(error, client)) return routes.reader["after-loss"];
    // Outside of transactions nothing else on a standby fails with these.
    const { code } = error as { readonly code?: string };
    if (code === "40001" || code === "40P01") return routes.writer["replay-conflict"];
    return isSchemaMissing(error) ? routes.writer["schema-behind"] : undefined;
  }

  /** Counts a statement that has its answer, learns from it and tells whoever listens. */
  answered(
    call: Call,
    route: Route,
    client: EndpointClient | undefined,
    error: Error | undefined,
  ): void {
    this.counts[route.reason] += 1;
    this.targets[route.target] += 1;
    if (call.facts.reader) this.#countProcessRead(call, route);
    if (call.text !== undefined) this.#learn(call.text, route, error === undefined);
    if (call.origin !== undefined) publish(call, call.origin, route, client, error);
  }

  /** Counts what the position of the process costs the reads outside of sessions. */
  #countProcessRead({ demand }: Call, { target, reason }: Route): void {
    if (demand?.line === undefined || demand.session !== undefined) return;
    if (this.#sides.readers === undefined) return;
    const diverted = divertedBy.has(reason);
    if (diverted || target === "reader") this.#freshness.processShare.count(diverted);
  }

  /** A text belongs to the writer when a reader has refused it and the writer has not. */
  #learn(text: string, { reason }: Route, succeeded: boolean): void {
    const suspected =
      reason === "refused" && this.#suspects.size > 0 && this.#suspects.delete(text);
    if (succeeded && (suspected || reason === "after-refusal")) this.#refused.set(text, true);
  }

  get freshness(): Freshness {
    return this.#freshness;
  }

  get refusedTexts(): number {
    return this.#refused.size;
  }

  classifierStats(): ReturnType<Classifier["stats"]> {
    return this.#classifier.stats();
  }
}

/** Reasons for which a read is on the writer because of what was written. */
const divertedBy: ReadonlySet<Reason> = new Set([
  "write-pending",
  "position-unknown",
  "time-window",
  "reader-behind",
]);

/** After so many milliseconds without use nobody knows whether a connection still leads anywhere. */
const doubtfulMillis = 5000;

/** How often one statement is sent again: somebody may have ended it on purpose. */
const mostRepeats = 3;

/** Where a statement stood that has failed. */
interface Circumstances {
  readonly inTransaction: boolean;
  /** Its connection carried nothing that another one would lack. */
  readonly movable: boolean;
  /** How often it was sent again before. */
  readonly tries: number;
}

/** Whether nothing is different when it has run: it reads, or opens a transaction. */
function mayBeResent({ facts }: Call): boolean {
  return onlyReads(facts) || (facts.transaction?.kind === "begin" && facts.statements.length === 1);
}

/** Whether a connection can be asked something outside of any transaction. */
function isIdle(client: EndpointClient): boolean {
  return isUsable(client) && client.getTransactionStatus() === "I";
}

/** What routing looks at of a call. */
type RoutedCall = Pick<Call, "facts" | "text" | "demand">;

/** The route that a remedy stands for. */
function routeOf(remedy: Remedy, before: Route): Route {
  if (remedy === "reader") return before;
  const target = remedy === "reader-behind" || remedy === "session-moved" ? "writer" : "reader";
  return routes[target][remedy];
}

function publish(
  call: Call,
  { at, context }: CallOrigin,
  route: Route,
  client: EndpointClient | undefined,
  error: Error | undefined,
): void {
  const event: StatementEvent = {
    text: call.text ?? "",
    effect: call.facts.effect,
    target: route.target,
    reason: route.reason,
    endpoint: client?.endpointName ?? "",
    durationMs: performance.now() - at,
    ...(error === undefined ? {} : { error }),
  };
  context.runInAsyncScope(() => statementChannel.publish(event));
}

function remaining(deadline: number): number {
  return Math.max(1, deadline - performance.now());
}

/** Takes a client from a pool, waiting for `budget` milliseconds at most. */
function takeWithin(
  pool: SettlingPool,
  budget: number | undefined,
  route: Route,
  callback: TrackCallback,
): void {
  if (budget === undefined) {
    pool.acquire((error, client, release) =>
      callback(error, client as TakenClient | undefined, release, route),
    );
    return;
  }
  takePatiently(
    pool,
    [budget],
    () => false,
    (_outcome, error, client, release) => callback(error, client, release, route),
  );
}

/**
 * Takes a client from a pool. At each of the times, in milliseconds from now, it is given up if
 * there is no sense in waiting; at the last one it is an error.
 */
function takePatiently(
  pool: SettlingPool,
  times: readonly [number, ...number[]],
  hopeless: () => boolean,
  callback: (
    outcome: "answered" | "given up",
    error: Error | undefined,
    client: TakenClient | undefined,
    release: Release,
  ) => void,
): void {
  let over = false;
  const timers = times.map((millis, at) =>
    setTimeout(() => {
      const last = at === times.length - 1;
      if (over || !(last || hopeless())) return;
      over = true;
      for (const timer of timers) clearTimeout(timer);
      const error = new Error("timeout exceeded when trying to connect");
      callback(hopeless() ? "given up" : "answered", error, undefined, () => {});
    }, millis).unref(),
  );
  pool.acquire((error, client, release) => {
    if (over) {
      if (client !== undefined) release();
      return;
    }
    over = true;
    for (const timer of timers) clearTimeout(timer);
    callback("answered", error, client as TakenClient | undefined, release);
  });
}
