import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import {
  type CustomTypesConfig,
  escapeIdentifier,
  escapeLiteral,
  type TransactionStatus,
  TypeOverrides,
} from "pg";
import { type Call, factsOf } from "./call.ts";
import {
  closing,
  heedNoLonger,
  type Item,
  opensTransaction,
  reasonOf,
  reopening,
  terminated,
} from "./conversation/item.ts";
import { notBegun, OpeningTransaction } from "./conversation/opening-transaction.ts";
import { Preamble } from "./conversation/preamble.ts";
import { refusalOnReader } from "./conversation/reader-transaction.ts";
import { Tracks } from "./conversation/tracks.ts";
import type { PointsmanError } from "./errors.ts";
import { lossOf } from "./lost-statement.ts";
import { Passage } from "./passage.ts";
import type { Router } from "./router.ts";
import { type RouteContext, routes } from "./routing/decide.ts";
import type { Route, Target } from "./routing/route.ts";
import { currentScope } from "./scope.ts";
import { signalOf } from "./servers/abortable-query.ts";
import { inCallersContext } from "./servers/callers-context.ts";
import { readerBehind } from "./servers/companions.ts";
import { isServerGoingAway } from "./servers/connection-loss.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { hearEnd } from "./servers/hear-end.ts";
import { planOf } from "./servers/lanes/query-plan.ts";
import { internals, isQuiet, isUsable } from "./servers/pg-internals.ts";
import { limited } from "./servers/query-deadline.ts";
import {
  bindToCaller,
  derive,
  failSubmittable,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
  withCallersStack,
} from "./servers/query-input.ts";
import { isSettingUp } from "./servers/set-up.ts";
import type { Settling } from "./servers/settling-pool.ts";
import { mayLeaveState } from "./statements/session-state.ts";

const ignore = (): void => {};

/** What a conversation needs of the pool that it belongs to. */
export interface ConversationHome {
  readonly router: Router;
  /** pg's options of the writer: what `host`, `user` and kin of the client answer. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Milliseconds that a place and a connection may take together; 0: any time. */
  readonly connectionTimeoutMillis: number;
  /** Milliseconds that a statement may take; 0: any time. */
  readonly queryTimeout: number;
  /** Called when a statement of a set-up fails; whoever sent it is told too. */
  readonly setUpFailed: (error: Error) => void;
  /** Frees the place that a client takes of those that may be out. */
  readonly freePlace: (client: Conversation) => void;
}

/**
 * What `pool.connect()` hands out when there are readers: one client that may stand on either
 * track. Its statements run one after another in the order in which they were sent, each on the
 * side where it belongs; from the first that is not a plain read they stay on one connection to the
 * writer until it is released. It takes a connection only when a statement needs one, and gives it
 * back between statements where nothing ties it.
 */
export class Conversation extends EventEmitter implements Settling {
  readonly #home: ConversationHome;
  readonly #queue: Item[] = [];
  readonly #tracks = new Tracks((event, args) => this.#forward(event, args));
  /** Where the last statement was called, for events of connections that somebody else has opened. */
  #context: AsyncResource | undefined;
  #active: Item | undefined;
  #transaction: Target | undefined;
  #status: TransactionStatus = null;
  /**
   * It has done more than read: the connection on that side is its own until it is released. That of
   * a reader where the pool is read-only.
   */
  #pinned: Target | undefined;
  /** What has opened a transaction that may still stand on either side. */
  readonly #opening: OpeningTransaction | undefined;
  readonly #preamble = new Preamble();
  /** It has left state on its connection, and is not handed out again. */
  #used = false;
  /** Its connection was lost, and with it what later statements would count on. */
  #lost: PointsmanError | undefined;
  /** A user has it. */
  #out = false;
  /** It has given up its place among those that may be out, and is not handed out again. */
  #isPlaceless = false;
  #whenDrained: (() => void) | undefined;
  /** Lets the active statement wait no longer; absent: it does not wait. */
  #stopWaiting: (() => void) | undefined;
  /** What is left of the time for a place and a connection; `undefined`: no limit. */
  #budget: number | undefined;
  #types: TypeOverrides | undefined;

  /** What its connections are given back with when it ends. */
  #givenUpFor: Error | true = true;

  // pg-pool looks at these when a client is given back.
  readonly _queryable = true;
  _ending = false;
  readonly escapeIdentifier = escapeIdentifier;
  readonly escapeLiteral = escapeLiteral;

  constructor(home: ConversationHome) {
    super();
    this.#home = home;
    if (home.router.readOnly?.mayWrite === true) this.#opening = new OpeningTransaction();
  }

  /** pg-pool calls this once. No connection is opened: the first statement tells where. */
  connect(callback: (error: Error | null) => void): void {
    process.nextTick(callback, null);
  }

  /** As on connections: without a listener an `error` ends nothing. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return this.listenerCount(event) > 0 && super.emit(event, ...args);
  }

  handOut(askedAt: number): void {
    this.#out = true;
    const limit = this.#home.connectionTimeoutMillis;
    this.#budget = limit > 0 ? Math.max(1, limit - (performance.now() - askedAt)) : undefined;
  }

  givenUp(error: Error | true): void {
    this.#givenUpFor = error;
  }

  /** Runs the pool's `acquire` listeners: what they send is the user's already. */
  introduce(emit: () => boolean): boolean {
    this.#out = true;
    return emit();
  }

  // The overloads are pg's; the types of the arguments are checked there.
  query(query: unknown, values?: unknown, callback?: unknown): never {
    return this.#query(query, values, callback) as never;
  }

  #query(query: unknown, values: unknown, callback: unknown): unknown {
    if (query === null || query === undefined) {
      throw new TypeError("Client was passed a null or undefined query");
    }
    if (isSubmittable(query)) {
      const given = [(query as { callback?: unknown }).callback, values, callback].find(
        (candidate) => typeof candidate === "function",
      );
      if (given !== undefined) Reflect.set(query, "callback", given);
      this.#take(bindToCaller(query), undefined, undefined);
      return query;
    }
    const given =
      callback ??
      (typeof values === "function" ? values : (query as { callback?: unknown }).callback);
    const parameters = typeof values === "function" ? undefined : values;
    if (given !== undefined) {
      if (typeof given !== "function") throw new TypeError("callback is not a function");
      this.#take(
        query as QueryInput,
        parameters,
        inCallersContext(given as (...args: unknown[]) => void),
      );
      return undefined;
    }
    const answer = new Promise((resolve, reject) => {
      this.#take(query as QueryInput, parameters, (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    }).catch(withCallersStack);
    // A listener that does not look at its promise must not end the process when it fails.
    if (isSettingUp(this)) answer.catch(this.#home.setUpFailed);
    return answer;
  }

  #forward(event: string, args: unknown[]): void {
    if (this.listenerCount(event) === 0) return;
    if (this.#context === undefined) this.emit(event, ...args);
    else this.#context.runInAsyncScope(() => this.emit(event, ...args));
  }

  #take(query: QueryInput, values: unknown, callback: QueryCallback | undefined): void {
    const limit = callback && limited(query, this.#home.queryTimeout, callback);
    if (limit === undefined) this.#takeNow(query, values, callback);
    else this.#takeNow(limit.query, values, limit.callback);
  }

  #takeNow(query: QueryInput, values: unknown, callback: QueryCallback | undefined): void {
    const listeners = this.listenerCount("notice") + this.listenerCount("notification");
    if (listeners > 0) this.#context = new AsyncResource("pointsman.events");
    const setUp = isSettingUp(this);
    const scope = currentScope();
    let item: Item;
    try {
      const { router } = this.#home;
      const call = router.commented(router.call(this.#withTypes(query), values, scope), setUp);
      const wishes = {
        asked: (call.query as { target?: Target }).target,
        scope: scope?.writer === true,
      };
      item = {
        ...call,
        ...wishes,
        // Set-up goes where the first real statement goes.
        hook: setUp ? undefined : this.#chosenByHook(call, wishes),
        setUp,
        signal: signalOf(call.query),
        callback,
      };
    } catch (error) {
      if (callback === undefined) throw error;
      process.nextTick(callback, error as Error);
      return;
    }
    if (isSubmittable(item.query)) {
      hearEnd(item.query, (error) => {
        item.failure = error;
      });
    }
    // Nobody knows whether set-up will be needed.
    if (!setUp) item.trace?.start();
    if (this._ending) {
      const error = new Error("Client was closed and is not queryable");
      process.nextTick(() => this.#answer(item, this.#route(item), undefined, error, undefined));
      return;
    }
    if (!this.#out && !setUp) {
      // Its next user must not find anything of this: it goes its own way, as if through the pool.
      const problem = this.#home.router.refusal(item);
      if (problem === undefined) {
        this.#home.router.run(item, this.#route(item), callback ?? ignore);
      } else
        process.nextTick(() =>
          this.#answer(item, this.#route(item), undefined, problem, undefined),
        );
      return;
    }
    if (item.signal !== undefined) {
      item.abandon = () => this.#abandon(item);
      item.signal.addEventListener("abort", item.abandon, { once: true });
    }
    this.#queue.push(item);
    this.#pump();
  }

  /** A statement whose signal is aborted while it waits is not sent any more. */
  #abandon(item: Item): void {
    const place = this.#queue.indexOf(item);
    if (place < 0) return;
    this.#queue.splice(place, 1);
    const route = this.#route(item);
    process.nextTick(() => this.#answer(item, route, undefined, reasonOf(item), undefined));
    if (opensTransaction(item)) this.#failQueue(route, reasonOf(item), place);
    else this.#mayHoldBack(place);
  }

  /**
   * A transaction that waits for a connection, for the sake of one statement, is held back again when
   * that is given up: it may be ended without any connection, or belong on the other side.
   *
   * @param place - where that statement was in the queue
   */
  #mayHoldBack(place: number): void {
    const opening = this.#opening;
    if (opening === undefined || this.#active === undefined) return;
    const ahead = [this.#active, ...this.#queue.slice(0, place)];
    if (this.#transaction !== undefined || !ahead.every((item) => opening.hasBegunWith(item)))
      return;
    if (this.#stopWaiting === undefined) return;
    this.#stopWaiting();
    this.#queue.splice(0, place);
    opening.holdBack();
    this.#finish();
  }

  /** What waits behind a BEGIN that was not sent must not run outside of its transaction. */
  #failQueue(route: Route, error: Error | undefined, from = 0): void {
    for (const behind of this.#queue.splice(from)) {
      process.nextTick(() => this.#answer(behind, route, undefined, error, undefined));
    }
  }

  #withTypes(query: QueryInput): QueryInput {
    const types = this.#types as CustomTypesConfig | undefined;
    if (types === undefined) return query;
    if (isSubmittable(query)) {
      const { _result } = query as { _result?: { _types?: unknown } };
      if (_result !== undefined) _result._types ??= types;
      return query;
    }
    if (typeof query === "string") return { text: query, types };
    return query.types === undefined ? derive(query, { types }) : query;
  }

  /** Starts the next statement, if none is under way. */
  #pump(): void {
    if (this.#active !== undefined) return;
    const next = this.#queue[0];
    if (next === undefined) {
      this.#drained();
      return;
    }
    // Set-up goes where the first real statement goes, and waits for it.
    const leading = next.setUp ? this.#queue.find((item) => !item.setUp) : next;
    if (leading === undefined) {
      this.#drained();
      return;
    }
    this.#queue.shift();
    this.#active = next;
    const route = this.#route(leading);
    if (this.#lost !== undefined) {
      const error = this.#lost;
      process.nextTick(() => this.#giveUp(next, route, error));
      return;
    }
    const problem = this.#refusal(next, route);
    if (problem !== undefined) {
      process.nextTick(() => {
        this.#answer(next, route, undefined, problem, undefined);
        this.#finish();
      });
      return;
    }
    if (this.#opening !== undefined && !next.setUp && this.#stand === undefined) {
      if (this.#opening.takes(next, route, () => this.#finish())) {
        this.#status = this.#opening.isOpen ? "T" : "I";
        return;
      }
      if (this.#opening.isOpen) {
        // Now it is known where it belongs.
        this.#queue.unshift(...this.#opening.begin(route.target), next);
        this.#finish();
        return;
      }
    }
    if (this.#goesToReader(next)) {
      this.#finish();
      return;
    }
    if (!next.setUp) this.#preamble.follow(next, this.#pinned === undefined);
    this.#pin(leading, route);
    next.trace?.start();
    next.trace?.routed(route);
    this.#start(next, route);
  }

  /**
   * A transaction on the writer that has done nothing yet, and is declared READ ONLY now, is opened
   * anew on a reader.
   */
  #goesToReader(item: Item): boolean {
    const { router } = this.#home;
    const isMovable =
      this.#transaction === "writer" && this.#status === "T" && router.readOnly === undefined;
    // A test has its transactions inside its own, and what is submitted reads its own answer.
    if (!isMovable || item.staging !== undefined || isSubmittable(item.query)) return false;
    const text = this.#preamble.readOnlyBegin(item.facts);
    if (text === undefined) return false;
    const begin = reopening(item, text, router.classify(text));
    if (router.route(begin, { asked: item.asked, scope: item.scope }).target === "writer")
      return false;
    this.#queue.unshift(closing(router.call("ROLLBACK", undefined, undefined)), begin);
    this.#pinned = undefined;
    return true;
  }

  /** Where its transaction stands, or will stand once it is begun. */
  get #stand(): Target | undefined {
    return this.#transaction ?? this.#opening?.side;
  }

  #refusal(item: Item, { target }: Route): Error | undefined {
    const { router } = this.#home;
    if (router.readOnly !== undefined) {
      return router.refusal(item, item.setUp ? undefined : this.#stand);
    }
    const onReader = target === "reader" && this.#transaction === "reader";
    return onReader ? refusalOnReader(item.facts) : undefined;
  }

  /** Keeps the connection of a statement that others behind it may count on. */
  #pin({ facts, moving }: Item, { target }: Route): void {
    if (moving !== undefined) return;
    if (this.#home.router.readOnly === undefined) {
      if (target === "writer" && !facts.reader) this.#pinned = "writer";
    } else if (target === "reader" && mayLeaveState(facts)) this.#pinned = "reader";
  }

  #route(item: Item): Route {
    return this.#home.router.route(item, {
      transaction: this.#stand,
      conversation: this.#pinned === "writer",
      scope: item.scope,
      asked: item.asked,
      hook: item.hook,
    });
  }

  /** Asked at the call, in its caller's context; what still waits ahead of it is not known to it. */
  #chosenByHook(call: Call, wishes: Pick<RouteContext, "asked" | "scope">): Target | undefined {
    return this.#home.router.chosenByHook(call, {
      ...wishes,
      transaction: this.#stand,
      conversation: this.#pinned === "writer",
    });
  }

  #start(item: Item, route: Route, tries = 0): void {
    if (this.#isAborted(item, route)) return;
    const held = this.#tracks[route.target];
    if (held !== undefined) {
      this.#send(item, route, held, tries);
      return;
    }
    if (!this.#rides(item, route, tries)) this.#startAlone(item, route, tries);
  }

  /** Answers a statement that is not sent any more since its signal is aborted. */
  #isAborted(item: Item, route: Route): boolean {
    if (item.signal?.aborted !== true) return false;
    process.nextTick(() => this.#giveUp(item, route, reasonOf(item)));
    return true;
  }

  /**
   * While a statement waits for a connection, or for another way, an abort answers it at once.
   *
   * @returns called when that has come: whether nobody waits for it any more
   */
  #awaited(item: Item, route: Route): () => boolean {
    const { signal } = item;
    let isOver = false;
    const abort = (): void => {
      stop();
      this.#giveUp(item, route, reasonOf(item));
    };
    const stop = (): void => {
      isOver = true;
      this.#stopWaiting = undefined;
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#stopWaiting = stop;
    return () => {
      if (isOver) return true;
      stop();
      return false;
    };
  }

  /** Sends a read on a lane where nothing ties it to this client. */
  #rides(item: Item, route: Route, tries: number): boolean {
    const { router } = this.#home;
    const isTied = item.setUp || this.#pinned !== undefined || this.#stand !== undefined;
    // What is emitted on a lane is everybody's.
    if (isTied || this.listenerCount("notice") + this.listenerCount("notification") > 0)
      return false;
    const plan = item.habit?.isShared === true ? planOf(item.query, item.values) : undefined;
    if (plan === undefined) return false;
    let passage: Passage | undefined;
    const abort = (): void => {
      this.#answer(item, route, passage?.giveUp(), reasonOf(item), undefined);
      this.#finish();
    };
    const over = (): void => item.signal?.removeEventListener("abort", abort);
    const alone = (): void => {
      over();
      if (!this.#isAborted(item, route)) this.#startAlone(item, route, tries);
    };
    passage = Passage.begin(router, item, route, plan, {
      arrived: (error, result, client) => {
        over();
        this.#answer(item, route, client, error, result);
        this.#finish();
      },
      behind: () => {
        over();
        this.#goElsewhere(item, route, tries);
      },
      failed: ({ error }) => {
        over();
        item.trace?.retried(route, error);
        alone();
      },
      walk: alone,
    });
    if (passage?.isOver === false) item.signal?.addEventListener("abort", abort, { once: true });
    return passage !== undefined;
  }

  #startAlone(item: Item, route: Route, tries: number): void {
    const isGivenUp = this.#awaited(item, route);
    this.#home.router.acquire(route, this.#budget, item, (error, client, release, taken) => {
      if (isGivenUp()) {
        if (client !== undefined) release();
        return;
      }
      if (error === readerBehind) {
        this.#goElsewhere(item, route, tries);
        return;
      }
      this.#budget = undefined;
      if (client === undefined) {
        // As in pg, where they share the connection: it could not be had for any of them.
        this.#failQueue(taken, error);
        this.#giveUp(item, taken, error);
        return;
      }
      if (this._ending || item.signal?.aborted === true) {
        release(this._ending);
        this.#giveUp(item, taken, this._ending ? terminated() : reasonOf(item));
        return;
      }
      this.#tracks.hold(taken.target, client, release);
      this.#send(item, taken, client, tries);
    });
  }

  /** No reader has what a statement must see: another way is looked for. */
  #goElsewhere(item: Item, route: Route, tries: number): void {
    if (this.#isAborted(item, route)) return;
    const isGivenUp = this.#awaited(item, route);
    this.#home.router.remedy(item, route, tries, (next, problem) => {
      if (isGivenUp()) return;
      if (next !== undefined) this.#again(item, next, tries, undefined);
      else this.#giveUp(item, route, problem);
    });
  }

  /** @param error - what it has failed with, where it had */
  #again(item: Item, route: Route, tries: number, error: Error | undefined): void {
    item.trace?.retried(route, error);
    if (isServerGoingAway(error)) item.farewells = (item.farewells ?? 0) + 1;
    this.#start(item, route, tries + 1);
  }

  /** Answers a statement that was not sent. */
  #giveUp(item: Item, route: Route, error: Error | undefined): void {
    this.#answer(item, route, undefined, error, undefined);
    if (opensTransaction(item)) this.#failQueue(route, error);
    this.#finish();
  }

  #send(item: Item, route: Route, client: EndpointClient, tries: number): void {
    const companions = this.#home.router.attend(client, item);
    if (companions === "behind") {
      // What it has left there, later statements count on.
      if (this.#pinned !== route.target) this.#tracks.giveBack(route.target);
      this.#goElsewhere(item, route, tries);
      return;
    }
    let again: Route | undefined;
    let failedWith: Error | undefined;
    let behind = false;
    let over = false;
    let answered = false;
    // What becomes of it when it has failed is not known yet; nor does the connection wait for that.
    let deciding = false;
    let drained = false;
    const sentAt = item.habit?.isShared === true ? performance.now() : 0;
    const settled: QueryCallback = (error, result) => {
      if (answered) return;
      answered = true;
      if (error === readerBehind) {
        behind = true;
        // Nothing was sent where the proof goes first, and nothing drains.
        if (isQuiet(client)) process.nextTick(done);
        return;
      }
      if (!error) {
        if (sentAt > 0) this.#home.router.sending.ranAlone(item, client, sentAt, undefined);
        this.#answer(item, route, client, undefined, result);
        return;
      }
      deciding = true;
      const failure = {
        call: item,
        route,
        client,
        error,
        inTransaction: this.#transaction !== undefined,
        movable: !this.#used,
        tries,
        farewells: item.farewells ?? 0,
      };
      this.#home.router.recover(failure, (next, told) => {
        deciding = false;
        again = next;
        failedWith = error;
        if (again === undefined) this.#answer(item, route, client, told, undefined);
        if (drained) done();
      });
    };
    // What else becomes of a cursor or a stream it hears by itself.
    const settledBehind: QueryCallback = (error) => {
      if (error === readerBehind) settled(error);
    };
    const done = (): void => {
      if (over) return;
      drained = true;
      if (deciding) return;
      if (client.cancelling !== undefined) {
        client.cancelling.then(done);
        return;
      }
      over = true;
      client.removeListener("drain", done);
      client.removeListener("end", done);
      this.#status = client.getTransactionStatus();
      const open = isUsable(client) && (this.#status === "T" || this.#status === "E");
      const wasOpen = this.#transaction !== undefined;
      this.#transaction = open ? route.target : undefined;
      if (!item.setUp && mayLeaveState(item.facts)) this.#used = true;
      if (!isUsable(client) && again === undefined) {
        this.#lost = lossOf(client, wasOpen || (!behind && opensTransaction(item)), this.#used);
        if (this.#lost !== undefined) this.#failQueue(route, this.#lost);
      }
      const leaves = !isUsable(client) || again?.reason === "writer-moved";
      if (!open) this.#opening?.over();
      if (leaves || (!open && this.#pinned !== route.target)) {
        this.#tracks.giveBack(route.target);
      }
      if (behind) {
        if (this.#lost === undefined) this.#goElsewhere(item, route, tries);
        else this.#giveUp(item, route, this.#lost);
        return;
      }
      if (item.movable?.refused === true) item.movable.letGo();
      if (item.movable?.refused === true && !item.movable.isGivenUp) {
        again = this.#home.router.afterRefusal(item.text, item.movable.refusal);
      }
      if (again === undefined) {
        if (isSubmittable(item.query) && !answered) {
          this.#home.router.answered(item, route, client, item.failure);
        }
        this.#finish();
      } else {
        if (again.reason === "after-refusal") this.#pinned = "writer";
        this.#again(item, again, tries, failedWith);
      }
    };
    client.on("drain", done);
    client.on("end", done);
    try {
      if (this.#transaction === undefined) item.movable ??= this.#home.router.movable(item, route);
      client.send(
        item.movable ?? item.query,
        item.values,
        isSubmittable(item.query) ? companions?.proof && settledBehind : settled,
        factsOf(item),
        companions,
      );
    } catch (thrown) {
      answered = true;
      this.#answer(item, route, client, thrown as Error, undefined);
      process.nextTick(done);
      return;
    }
    // On a lost connection `pg` fails the query in the next tick, and nothing drains.
    if (!isUsable(client)) process.nextTick(done);
  }

  #answer(
    item: Item,
    route: Route,
    client: EndpointClient | undefined,
    error: Error | undefined,
    result: unknown,
  ): void {
    this.#home.router.answered(item, route, client, error);
    // Its caller believes that it has a transaction.
    if (error !== undefined && (item.moving === "in" || this.#opening?.hasBegunWith(item)))
      this.#lost = notBegun(error);
    if (error !== undefined) this.#mayFreePlace(item);
    heedNoLonger(item);
    if (item.callback !== undefined) {
      try {
        item.callback(error, result);
      } catch (thrown) {
        // As in pg: an error in a callback is nobody's here, and must not stop the queue.
        process.nextTick(() => {
          throw thrown;
        });
      }
    } else if (isSubmittable(item.query) && error !== undefined) {
      failSubmittable(item.movable ?? item.query, error);
    }
  }

  /**
   * Not all who open a transaction give their client back when that fails: of `pg` they get none
   * while there is no server. Here it would take its place for ever, so it leaves it to others.
   */
  #mayFreePlace(item: Item): void {
    if (!this.#out || this.#transaction !== undefined || !opensTransaction(item)) return;
    this.#isPlaceless = true;
    this.#home.freePlace(this);
  }

  #finish(): void {
    this.#active = undefined;
    this.#pump();
  }

  #drained(): void {
    if (this.listenerCount("drain") > 0) this.emit("drain");
    const waiting = this.#whenDrained;
    this.#whenDrained = undefined;
    waiting?.();
  }

  settle(done: (problem?: Error) => void): void {
    this.#out = false;
    const giveBackAll = (): void => {
      // A client that carried session state is not the same for its next user: it is retired.
      this._ending ||= this.#used || this.#isPlaceless || this.#lost !== undefined;
      this.#reset();
      done();
    };
    if (this.#active === undefined && !this.#queue.some((item) => !item.setUp)) giveBackAll();
    else this.#whenDrained = giveBackAll;
  }

  #reset(error?: Error | boolean): void {
    this.#tracks.giveBack("reader", error);
    this.#tracks.giveBack("writer", error);
    this.#transaction = undefined;
    this.#status = null;
    this.#pinned = undefined;
    this.#opening?.over();
    this.#types = undefined;
    this.#context = undefined;
  }

  /** Ends the conversation: what is queued fails, and connections that it holds are closed. */
  end(): Promise<void>;
  end(callback: () => void): void;
  end(callback?: () => void): Promise<void> | undefined {
    this._ending = true;
    for (const item of this.#queue.splice(0)) {
      // Set-up that no statement ever needed has nobody to fail.
      if (item.setUp) continue;
      process.nextTick(() => {
        this.#answer(item, routes.writer.conversation, undefined, terminated(), undefined);
      });
    }
    this.#reset(this.#givenUpFor);
    process.nextTick(() => this.emit("end"));
    if (callback === undefined) return Promise.resolve();
    process.nextTick(callback);
    return undefined;
  }

  /** The side on which its open transaction stands, if it has one. */
  get transactionOn(): Target | undefined {
    return this.#transaction;
  }

  /** As of a connection: nothing is queued or under way. */
  get readyForQuery(): boolean {
    return this.#active === undefined && !this.#queue.some(({ setUp }) => !setUp);
  }

  getTransactionStatus(): TransactionStatus {
    return this.#status ?? "I";
  }

  setTypeParser(...args: Parameters<TypeOverrides["setTypeParser"]>): void {
    this.#types ??= new TypeOverrides(this.#home.options["types"] as CustomTypesConfig | undefined);
    this.#types.setTypeParser(...args);
  }

  getTypeParser(...args: Parameters<TypeOverrides["getTypeParser"]>): unknown {
    this.#types ??= new TypeOverrides(this.#home.options["types"] as CustomTypesConfig | undefined);
    return this.#types.getTypeParser(...args);
  }

  /** The writer's backend, while the conversation stands on it: `pool.options` leads there. */
  get processID(): number | null {
    const client = this.#tracks.writer;
    return client === undefined ? null : (internals(client).processID ?? null);
  }

  get secretKey(): number | null {
    const client = this.#tracks.writer;
    return client === undefined ? null : (internals(client).secretKey ?? null);
  }

  /** pg's own connection of the track that it stands on, if any. */
  get connection(): unknown {
    const client = this.#tracks.writer ?? this.#tracks.reader;
    return client === undefined ? undefined : internals(client).connection;
  }

  get host(): unknown {
    return this.#home.options["host"];
  }

  get port(): unknown {
    return this.#home.options["port"];
  }

  get database(): unknown {
    return this.#home.options["database"];
  }

  get user(): unknown {
    return this.#home.options["user"];
  }

  get ssl(): unknown {
    return this.#home.options["ssl"] ?? false;
  }

  // Connections are kept alive, or not, by the pools that they belong to.
  ref(): void {}
  unref(): void {}
}
