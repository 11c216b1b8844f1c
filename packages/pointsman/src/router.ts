import { setTimeout as delay } from "node:timers/promises";
import { boundedTexts } from "./bounded-texts.ts";
import { type Call, factsOf, failureOf } from "./call.ts";
import type { CatalogWatch } from "./catalog/catalog-watch.ts";
import { schemaEffect } from "./catalog/schema-changes.ts";
import { type UnknownFunction, UnknownFunctions } from "./catalog/unknown-functions.ts";
import { Commenter } from "./commenter.ts";
import type { Config } from "./config/config.ts";
import { Connections } from "./connections.ts";
import type { Demand, FreshnessWish } from "./consistency/demand.ts";
import type { Freshness, Remedy } from "./consistency/freshness.ts";
import { readFreshness } from "./consistency/read-freshness.ts";
import type { Dispatch, RemedyCallback } from "./dispatch.ts";
import { runErrand } from "./errand.ts";
import { PointsmanError } from "./errors.ts";
import { type Failure, recover } from "./recover.ts";
import { type RefusedText, RefusedTexts, type RememberedRefusal } from "./refused-texts.ts";
import { AllowedWrites } from "./routing/allowed-writes.ts";
import { decide, proposedTarget, type RouteContext, routes } from "./routing/decide.ts";
import type { RoutingMode } from "./routing/mode.ts";
import { ReadOnlyPolicy } from "./routing/read-only.ts";
import type { Reason } from "./routing/reasons.ts";
import { freshnessReasons, reasons } from "./routing/reasons.ts";
import type { Route, Target } from "./routing/route.ts";
import { askHook, type RouteHook, routedStatement } from "./routing/route-hook.ts";
import { TablePolicies } from "./routing/table-policies.ts";
import { type Scope, stagingOf } from "./scope.ts";
import { Sending } from "./sending.ts";
import type { Companions } from "./servers/companions.ts";
import { hasWaitedInVain, isServerGoingAway } from "./servers/connection-loss.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { Habit } from "./servers/lanes/habit.ts";
import {
  asOneStatement,
  derive,
  isSubmittable,
  keepStack,
  mustBeWritable,
  type QueryCallback,
  type QueryInput,
  snapshot,
  textOf,
} from "./servers/query-input.ts";
import { isWriteRefusal } from "./servers/refusal.ts";
import { type Replayable, replayable } from "./servers/replayable.ts";
import { retire } from "./servers/retire.ts";
import type { Sides } from "./servers/sides.ts";
import { type EndOnClient, keptOnWriter, type Shadow, type Wishes } from "./shadow/shadow.ts";
import type { AnnotatedClassifier, Classifier, KnownText } from "./statements/classify.ts";
import { isOpaque } from "./statements/opaque.ts";
import type { Classification } from "./statements/types.ts";
import type { TrackCallback, Uses, Wants } from "./taken-client.ts";
import { publish } from "./telemetry/publish.ts";
import { StatementTrace } from "./telemetry/statement-trace.ts";

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
  readonly #classifier: AnnotatedClassifier<Habit>;
  readonly #readOnlyTransactions: Target;
  readonly #refused = new RefusedTexts();
  readonly #names = boundedTexts<string>((text) => text.length);
  /** Statements answered, by the reason of their route. */
  readonly counts: Record<Reason, number>;
  readonly targets: Record<Target, number> = { writer: 0, reader: 0 };
  /** Statements that got no connection within `connectionTimeoutMillis`, by where they were to go. */
  readonly timeouts: Record<Target, number> = { writer: 0, reader: 0 };
  refusals = 0;
  readonly #unknownFunctions = new UnknownFunctions();
  /** Connections on which the schema was changed, in a transaction that may be open. */
  readonly #changedSchema = new WeakSet<EndpointClient>();
  /** How much is routed; may be changed at any time. */
  mode: RoutingMode;
  readonly policies: TablePolicies;
  /** Given where the pool is read-only. */
  readonly readOnly: ReadOnlyPolicy | undefined;
  readonly #hook: RouteHook | undefined;
  readonly #comments: Commenter | undefined;

  readonly uses: Uses | undefined;
  readonly #connections: Connections;
  readonly #freshness: Freshness;
  readonly #owner: object;
  readonly sending: Sending;
  /** What keeps the catalog up to date; absent: nothing. */
  catalog: CatalogWatch | undefined;
  /** Given in shadow mode. */
  shadow: Shadow | undefined;
  /** Told of each text that is found to belong to the writer, once. */
  onRefusal: ((refused: RefusedText) => void) | undefined;

  /**
   * @param owner - the pool that it belongs to
   * @param uses - hears of connections taken and given back by `run`
   */
  constructor(
    sides: Sides,
    classifier: AnnotatedClassifier<Habit>,
    config: Config,
    freshness: Freshness,
    owner: object,
    uses?: Uses,
  ) {
    this.#sides = sides;
    this.#freshness = freshness;
    this.#owner = owner;
    this.uses = uses;
    this.#classifier = classifier;
    this.#readOnlyTransactions = config.readOnlyTransactions;
    this.mode = config.mode;
    this.policies = new TablePolicies(config.tables);
    this.#hook = config.route;
    if (config.sqlComment !== undefined) this.#comments = new Commenter(config.sqlComment);
    if (config.readOnly) {
      this.readOnly = new ReadOnlyPolicy(new AllowedWrites(config.allowedWrites));
    }
    this.#connections = new Connections(sides, freshness, this.readOnly, config);
    this.sending = new Sending(sides, this.#connections, config, uses);
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
   * @throws TypeError when its text or its name is no string
   */
  call(query: QueryInput, values: unknown, scope: Scope | undefined): Call {
    const own = this.#withText(snapshot(query));
    mustBeWritable(own);
    const text = textOf(own);
    const known = text === undefined ? undefined : this.#classifier.lookUp(text);
    const facts = known?.verdict ?? unseen;
    const habit = known && this.#habitOf(known);
    if (this.catalog !== undefined && schemaEffect(facts) === "changes") this.catalog.changing();
    const demand = this.demand(scope, readFreshness(own));
    // Of a text that nobody can look into there is one statement only in the extended protocol.
    const sent = this.readOnly !== undefined && isOpaque(facts) ? asOneStatement(own) : own;
    const staging = scope?.stagings && stagingOf(this.#owner, scope);
    const trace = StatementTrace.of(this.#owner, text ?? "", facts);
    return { query: sent, values, text, facts, habit, demand, staging, trace };
  }

  /**
   * A statement with the comment of the option `sqlComment`, as it is sent. Called once for each, in
   * its caller's context. Everything else is known of it by its text without.
   *
   * @param isSetUp - it sets a client up, for whoever gets that
   */
  commented(call: Call, isSetUp = false): Call {
    if (this.#comments === undefined) return call;
    const query = isSetUp ? this.#comments.always(call) : this.#comments.now(call);
    return query === call.query ? call : { ...call, query, isOneOff: this.#comments.varies };
  }

  /** The same of a query that sets a connection up. */
  commentedSetUp(query: QueryInput): QueryInput {
    const text = textOf(query);
    if (this.#comments === undefined || text === undefined) return query;
    return this.#comments.always({ query, text, facts: this.classify(text) });
  }

  #habitOf(known: KnownText<Habit>): Habit | undefined {
    if (known.note === undefined && !isOpaque(known.verdict)) {
      known.note = new Habit(known.text, known.verdict, known.varies);
    }
    return known.note;
  }

  /** The schemas in which names without one are looked for have become known. */
  learn(searchPath: readonly string[]): void {
    this.policies.learn(searchPath);
    this.readOnly?.learn(searchPath);
  }

  /** How fresh reads must be that are called in a scope. */
  demand(scope: Scope | undefined, wish?: FreshnessWish): Demand {
    const session = scope?.sessions?.find((one) => this.#freshness.owns(one));
    const line = scope?.stagings && stagingOf(this.#owner, scope)?.line;
    if (scope?.freshness === undefined) return this.#freshness.demand(session, wish, line);
    return this.#freshness.demand(session, { ...scope.freshness, ...wish }, line);
  }

  /** What must leave with a statement on a connection; `"behind"`: it must not be sent there. */
  attend(client: EndpointClient, call: Call): Companions | "behind" | undefined {
    const facts = call.text === undefined ? undefined : call.facts;
    const { demand, trace } = call;
    const companions = this.#freshness.attend(client, facts, demand, isSubmittable(call.query));
    if (trace === undefined || companions === "behind") return companions;
    const isKnown = client.side === "reader" && demand && this.#freshness.wants(demand);
    trace.sent(companions?.proof ? "proved" : isKnown ? "known" : "not-needed");
    if (companions?.proof === undefined) return companions;
    return { ...companions, proof: trace.watching(companions.proof, client.endpointName) };
  }

  /**
   * A statement that may write is on its way: reads that must see it wait for the writer from now on.
   *
   * @returns to be called when it has its answer; `undefined` for what writes nothing
   */
  expectWrite(call: Call): (() => void) | undefined {
    const { query, text, facts, demand } = call;
    if (demand === undefined || isSubmittable(query)) return undefined;
    const ended = this.#freshness.expectWrite(text === undefined ? undefined : facts, demand);
    const followed = call.shadow && this.shadow?.expectWrite(call);
    if (followed === undefined) return ended;
    return () => {
      ended?.();
      followed();
    };
  }

  /** Calls back with another way for a read whose reader was behind, or with why there is none. */
  remedy(call: Call, route: Route, tries: number, next: RemedyCallback): void {
    if (this.readOnly !== undefined) {
      this.#remedyOnReaders(call, route, tries, next);
      return;
    }
    if (call.demand === undefined || call.staging !== undefined) {
      next(routes.writer["reader-behind"]);
      return;
    }
    this.#freshness.remedy(call.demand, tries).then((remedy) => next(routeOf(remedy, route)));
  }

  /** A reader is waited for, since nobody else can serve it. */
  async #remedyOnReaders(
    { demand }: Call,
    route: Route,
    tries: number,
    next: RemedyCallback,
  ): Promise<void> {
    const remedy = demand && (await this.#freshness.remedy(demand, tries));
    const moved = remedy === "session-moved";
    if (remedy === undefined || remedy === "reader-behind" || (moved && tries >= mostMoves)) {
      next(undefined, this.#notFresh(remedy ?? "reader-behind"));
      return;
    }
    // The reader that has served its session before may be free in a moment.
    if (moved) await delay(moveMillis);
    next(moved ? route : routeOf(remedy, route));
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

  /**
   * Where a statement goes that is called now.
   *
   * @throws what the `route` hook throws; PointsmanError `ROUTE_HOOK_UNUSABLE`
   */
  routeNow(call: RoutedCall, context: RouteContext): Route {
    const hook = this.chosenByHook(call, context);
    return this.route(call, hook === undefined ? context : { ...context, hook });
  }

  /**
   * What the `route` hook says of a statement that is called now; `undefined` where it has no say.
   *
   * @throws as {@link Router.routeNow}
   */
  chosenByHook({ facts, text, demand }: RoutedCall, context: RouteContext): Target | undefined {
    if (this.#hook === undefined || text === undefined || this.readOnly !== undefined)
      return undefined;
    const proposed = proposedTarget(facts, {
      ...context,
      refused: this.#refused.has(text, facts),
      policy: this.policies.of(facts),
      mode: this.mode,
      readOnlyTransactions: this.#readOnlyTransactions,
    });
    if (proposed === undefined) return undefined;
    const scope = Object.freeze({
      session: demand?.session !== undefined,
      maxStaleness: demand?.maxStaleness,
    });
    try {
      return askHook(this.#hook, routedStatement(text, facts), scope, proposed);
    } catch (error) {
      keepStack(error);
      throw error;
    }
  }

  /**
   * Why a read-only pool does not send a statement; `undefined`: it does, or it is none.
   *
   * @param stand - where the caller's open transaction stands, or the connection of its choice
   */
  refusal(
    { query, facts, demand }: Pick<Call, "query" | "facts" | "demand">,
    stand?: Target,
  ): PointsmanError | undefined {
    const { readOnly } = this;
    if (readOnly === undefined) return undefined;
    const judgement = readOnly.judge(facts, stand);
    if (judgement.refused !== undefined) return readOnly.error(judgement.refused);
    if (isOpaque(facts) && isSubmittable(query)) {
      return readOnly.error("The query was not sent: nobody can tell what it does.");
    }
    // What is open was fresh enough when it began.
    if (stand !== undefined || demand === undefined || !facts.reader) return undefined;
    const stale = this.#freshness.staleness(demand);
    return stale === undefined || stale === "write-pending" ? undefined : this.#notFresh(stale);
  }

  /**
   * What a user sends by hand, as a read-only pool lets it be sent.
   *
   * @throws PointsmanError `READ_ONLY_MODE`
   */
  vetted(query: QueryInput, stand: Target | undefined): QueryInput {
    const call = this.call(query, undefined, undefined);
    const problem = this.refusal(call, stand);
    if (problem !== undefined) throw problem;
    return isOpaque(call.facts) ? call.query : query;
  }

  #notFresh(reason: Reason): PointsmanError {
    return new PointsmanError(
      "FRESHNESS_UNAVAILABLE",
      `No reader can be shown to have what this read must see (${reason}), and a read-only pool has no writer to serve it. Read it with consistency: "eventual" if it may be older.`,
    );
  }

  /** Where a statement goes, with what this router knows besides the caller's context. */
  route(call: RoutedCall, context: RouteContext): Route {
    const { readOnly } = this;
    if (readOnly === undefined) return this.#route(call, context);
    const { transaction } = context;
    if (transaction !== undefined) return routes[transaction]["open-transaction"];
    if (readOnly.judge(call.facts, undefined).target === "writer") {
      return routes.writer[call.facts.verdict];
    }
    const route = this.#route({ ...call, demand: undefined }, context);
    if (route.target === "reader" || this.#opensOnWriter(call, context)) return route;
    return routes.reader["read-only-mode"];
  }

  /** Whether somebody asks for a transaction that may write what a read-only pool may write. */
  #opensOnWriter({ facts }: RoutedCall, { scope, asked }: RouteContext): boolean {
    const { transaction, hint } = facts;
    if (this.readOnly?.mayWrite !== true || transaction?.kind !== "begin") return false;
    if (transaction.readOnly === true) return false;
    return scope === true || asked === "writer" || hint === "writer";
  }

  #route({ facts, text, demand }: RoutedCall, context: RouteContext): Route {
    const { readers } = this.#sides;
    // Field by field: spreading the context here takes a third of what routing costs in all.
    return decide(facts, {
      transaction: context.transaction,
      conversation: context.conversation,
      scope: context.scope,
      asked: context.asked,
      refused: this.#refused.has(text, facts),
      stale:
        readers === undefined || demand === undefined
          ? context.stale
          : this.#freshness.staleness(demand),
      policy: this.policies.of(facts),
      hook: context.hook,
      mode: this.mode,
      readOnlyTransactions: this.#readOnlyTransactions,
    });
  }

  acquire(route: Route, budget: number | undefined, wants: Wants, callback: TrackCallback): void {
    this.#connections.take(route, budget, wants, callback);
  }

  /** Reads that wait for one of the writer's connections that they may have for want of a reader. */
  get waitingInstead(): number {
    return this.#connections.waiting;
  }

  /** Resolves once no read is on the writer, or waits to be, for want of a reader. */
  async fallbackOver(): Promise<void> {
    await this.#connections.fallbackOver();
  }

  /** Sends one statement on a connection of its own. */
  run(call: Call, route: Route, callback: QueryCallback): void {
    call.trace?.start();
    call.trace?.routed(route);
    runErrand(this, call, route, callback);
  }

  /** The same in shadow mode. */
  runInShadow(shadow: Shadow, call: Call, wishes: Wishes, callback: QueryCallback): void {
    const shadowed = shadow.alone(call, wishes);
    this.run({ ...call, shadow: shadowed }, keptOnWriter(shadowed.route), callback);
  }

  /** A statement is not sent: tells whoever listens. */
  decline(call: Call, wishes: Wishes, problem: Error): void {
    const { trace } = call;
    if (trace === undefined) return;
    trace.start();
    trace.answered({ route: this.route(call, wishes), endpoint: "", error: problem });
  }

  /** Counts a refusal by a reader, and gives the route of the second attempt. */
  afterRefusal(text: string | undefined, error: unknown): Route {
    this.refusals += 1;
    this.#refused.hear(text, error);
    return routes.writer["after-refusal"];
  }

  #mayRepeat(call: Call, route: Route): boolean {
    return route.target === "reader" && this.#sides.readers !== undefined && call.facts.repeatable;
  }

  /** What to submit in place of a cursor or a stream that may have to move to the writer. */
  movable(call: Call, route: Route): Replayable | undefined {
    if (!isSubmittable(call.query) || this.readOnly !== undefined) return undefined;
    if (!this.#mayRepeat(call, route)) return undefined;
    return replayable(call.query, (error) => {
      this.refusals += 1;
      this.#refused.suspect(call.text, error);
    });
  }

  /**
   * Decides what becomes of a statement that has failed.
   *
   * @param next - called, now or later, with the route on which it is sent again, or without one
   * and with what its caller is told
   */
  recover(failure: Failure, tell: (again: Route | undefined, told: Error) => void): void {
    const { readOnly } = this;
    const next = (again: Route | undefined, told: Error): void => {
      const isRepeated = again !== undefined && failure.farewells > 0;
      if (isRepeated && isServerGoingAway(told)) this.#leave(failure.client);
      tell(again, told);
    };
    if (readOnly === undefined || failure.client.side === "writer") {
      const { call, error } = failure;
      recover(failure, () => this.afterRefusal(call.text, error), next);
      return;
    }
    if (isWriteRefusal(failure.error)) {
      next(undefined, readOnly.error("The server has refused to write.", failure.error));
      return;
    }
    recover(
      failure,
      () => routes.writer["after-refusal"],
      (again, told) => {
        // There is no writer to repeat it; another reader may be one that has not cancelled it.
        if (again?.target !== "writer") next(again, told);
        else if (again.reason !== "replay-conflict") next(undefined, told);
        else next(routes.reader["replay-conflict"], told);
      },
    );
  }

  /**
   * A server has ended a connection in order, and not for the first time under this statement. It
   * may be stopping, or somebody means the statement: for one farewell nobody else has to connect
   * anew. One that is stopping lets nobody in any more, so that a new connection tells; on those
   * that are open the statement would hear the same again.
   */
  #leave(client: EndpointClient): void {
    const { writer, reader } = this.#sides;
    const server = this.#freshness.serverOf(client);
    retire(client.side === "writer" ? writer : reader, (one) => {
      const isOpen = one.getTransactionStatus() !== null;
      return isOpen && one.address === client.address && this.#freshness.serverOf(one) === server;
    });
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
    if (error !== undefined && hasWaitedInVain(error)) this.timeouts[route.target] += 1;
    if (call.facts.reader) this.#countProcessRead(call, route);
    if (call.staging !== undefined && route.target === "writer") {
      const { writes, commits } = this.#freshness.effectsOf(factsOf(call));
      call.staging.answered?.(call.demand, writes || commits);
    }
    if (route.reason === "unknown-function") this.#unknownFunctions.count(call.facts);
    if (this.catalog !== undefined) this.#followSchema(this.catalog, call, route, client);
    const learnt = this.#refused.learn(call, route.reason, error === undefined);
    if (learnt !== undefined) {
      publish("learning", this.#owner, () => learnt);
      this.onRefusal?.(learnt);
    }
    const shadow = call.shadow && this.shadow?.answered(call, call.shadow, error);
    const endpoint = client?.endpointName ?? "";
    call.trace?.answered({ route, endpoint, error: failureOf(call, error), shadow });
  }

  /** The same of a statement on a client, in shadow mode. */
  answeredInShadow(
    end: EndOnClient,
    call: Call,
    client: EndpointClient,
    error: Error | undefined,
  ): void {
    const shadow = end(error);
    this.answered({ ...call, shadow }, keptOnWriter(shadow.route), client, error);
  }

  /** Has the catalog looked at once something may be different there. */
  #followSchema(
    catalog: CatalogWatch,
    { facts }: Call,
    { reason }: Route,
    client: EndpointClient | undefined,
  ): void {
    // A reader has run, or not found, what the catalog did not lead to expect.
    if (reason === "after-refusal" || reason === "schema-behind") catalog.suspect();
    const effect = schemaEffect(facts);
    if (effect === "may change") catalog.suspect();
    if (client === undefined) return;
    if (effect === "changes") this.#changedSchema.add(client);
    if (client.getTransactionStatus() !== "I" || !this.#changedSchema.delete(client)) return;
    catalog.changed();
  }

  /** Counts what the position of the process costs the reads outside of sessions. */
  #countProcessRead({ demand }: Call, { target, reason }: Route): void {
    if (demand?.line === undefined || demand.session !== undefined) return;
    if (this.#sides.readers === undefined) return;
    const diverted = freshnessReasons.has(reason);
    if (diverted || target === "reader") this.#freshness.processShare.count(diverted);
  }

  get freshness(): Freshness {
    return this.#freshness;
  }

  get refusedTexts(): number {
    return this.#refused.size;
  }

  /** The refused texts that matter most. */
  busiestRefusals(): readonly RememberedRefusal[] {
    return this.#refused.busiest();
  }

  /** What a reader has said of a text. */
  refusalOf(text: string): string | undefined {
    return this.#refused.because(text);
  }

  /** The unknown functions that keep most statements from readers. */
  unknownFunctions(): readonly UnknownFunction[] {
    return this.#unknownFunctions.busiest();
  }

  classifierStats(): ReturnType<Classifier["stats"]> {
    return this.#classifier.stats();
  }
}

/** How often a read of a session is tried again that another reader had served before, and how soon. */
const mostMoves = 100;
const moveMillis = 20;

/** What routing looks at of a call. */
type RoutedCall = Pick<Call, "facts" | "text" | "demand">;

/** The route that a remedy stands for. */
function routeOf(remedy: Remedy, before: Route): Route {
  if (remedy === "reader") return before;
  const target = remedy === "reader-behind" || remedy === "session-moved" ? "writer" : "reader";
  return routes[target][remedy];
}
