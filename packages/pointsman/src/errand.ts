import type { AsyncResource } from "node:async_hooks";
import { type Call, factsOf } from "./call.ts";
import type { Dispatch } from "./dispatch.ts";
import { Passage, type Passenger, type RideFailure } from "./passage.ts";
import { mayBePreparationsFault } from "./preparation-fault.ts";
import type { Failure } from "./recover.ts";
import type { Route } from "./routing/route.ts";
import { abortReason, signalOf } from "./servers/abortable-query.ts";
import { readerBehind } from "./servers/companions.ts";
import { isServerGoingAway } from "./servers/connection-loss.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { asNamed, planOf, type QueryPlan } from "./servers/lanes/query-plan.ts";
import { isUsable } from "./servers/pg-internals.ts";
import {
  failSubmittable,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
} from "./servers/query-input.ts";
import type { Replayable } from "./servers/replayable.ts";
import type { Release } from "./servers/settling-pool.ts";
import type { TakenClient, TrackCallback } from "./taken-client.ts";

/** Sends one statement on a connection of its own, and a second time where that is right. */
export function runErrand(
  dispatch: Dispatch,
  call: Call,
  route: Route,
  callback: QueryCallback,
): void {
  const signal = signalOf(call.query);
  if (signal?.aborted === true) {
    const reason = abortReason(signal);
    dispatch.answered(call, route, undefined, reason);
    callback(reason);
    return;
  }
  const ended = dispatch.expectWrite(call);
  const answer: QueryCallback =
    ended === undefined
      ? callback
      : (error, result) => {
          ended();
          callback(error, result);
        };
  const plan = call.habit && planOf(call.query, call.values);
  if (signal === undefined) {
    new Errand(dispatch, call, route, answer, plan).start();
    return;
  }
  // While it waits for a connection an abort answers at once; later the connection cancels it.
  const told: QueryCallback = (error, result) => {
    signal.removeEventListener("abort", abort);
    answer(error, result);
  };
  const errand = new Errand(dispatch, call, route, told, plan);
  const abort = (): void => errand.giveUp(abortReason(signal));
  signal.addEventListener("abort", abort, { once: true });
  errand.start();
}

function startSoon(errand: Errand, { reason }: Route): void {
  // Other connections that were cut at the same moment are noticed first, or it would try them all.
  if (reason === "after-loss") setImmediate(() => errand.start());
  else errand.start();
}

/**
 * One statement from its route to its answer. An object of its own: this is the hot path.
 *
 * Only a success counts of what rides a lane or is prepared: what fails there for any reason is sent
 * again by itself, as it was called, and its caller hears what that brings.
 */
class Errand implements Passenger {
  readonly #dispatch: Dispatch;
  readonly #call: Call;
  readonly #callback: QueryCallback;
  #route: Route;
  #context: AsyncResource | undefined;
  #client: TakenClient | undefined;
  #release: Release | undefined;
  /** `seeking`: what it has failed with is being looked into, or another way looked for. */
  #stage: "waiting" | "sent" | "seeking" | "over" = "waiting";
  /** How often it was sent before, to readers that were behind or over connections that were lost. */
  readonly #tries: number;
  /** How often of these a server had ended it with a word. */
  #farewells = 0;
  /** What of it can be sent otherwise than it was called; absent where nothing can. */
  readonly #plan: QueryPlan | undefined;
  #passage: Passage | undefined;
  /** What goes on with it where it could not. */
  #successor: Errand | undefined;
  /** What it has failed with among others, or prepared. */
  #failedWith: Error | undefined;
  /** The prepared statement by which it was sent. */
  #name: string | undefined;
  #sentAt = 0;

  constructor(
    dispatch: Dispatch,
    call: Call,
    route: Route,
    callback: QueryCallback,
    plan: QueryPlan | undefined,
    tries = 0,
  ) {
    this.#tries = tries;
    this.#dispatch = dispatch;
    this.#call = call;
    this.#route = route;
    this.#callback = callback;
    this.#plan = plan;
  }

  start(): void {
    if (this.#stage === "over") return;
    if (this.#plan !== undefined) {
      const passage = Passage.begin(this.#dispatch, this.#call, this.#route, this.#plan, this);
      if (passage?.isOver === false) this.#passage = passage;
      if (passage !== undefined) return;
    }
    this.walk();
  }

  walk(): void {
    this.#passage = undefined;
    if (this.#stage === "over") return;
    this.#context = this.#dispatch.uses?.context();
    this.#dispatch.acquire(this.#route, undefined, this.#call, this.#acquired);
  }

  arrived(error: Error | undefined, result: unknown, client: EndpointClient): void {
    this.#stage = "over";
    this.#dispatch.answered(this.#call, this.#route, client, error);
    this.#callback(error, result);
  }

  behind(): void {
    this.#passage = undefined;
    this.#goElsewhere();
  }

  failed({ error, client, counts, admit }: RideFailure): void {
    this.#stage = "seeking";
    this.#passage = undefined;
    this.#dispatch.recover(this.#failureOf(client, error), (again) => {
      admit(() => this.#repeatPlainly(again ?? this.#route, error, counts));
    });
  }

  #failureOf(client: EndpointClient, error: Error): Failure {
    return {
      call: this.#call,
      route: this.#route,
      client,
      error,
      inTransaction: false,
      movable: true,
      tries: this.#tries,
      farewells: this.#farewells,
    };
  }

  /**
   * Sends it again by itself, as it was called.
   *
   * @param counts - whether its error counts where that cannot be
   */
  #repeatPlainly(route: Route, error: Error, counts: boolean): void {
    if (this.#stage !== "seeking") return;
    // With others about it, its own failures are not to be told from theirs: this was no try of its.
    const again = this.#again(route, this.#tries, undefined);
    if (counts) again.#failedWith = error;
    this.#call.trace?.retried(route, error);
    startSoon(again, route);
  }

  /**
   * Ends it while it waits for a connection, rides, or looks for another way. One that runs on a
   * connection of its own goes on: that cancels it.
   */
  giveUp(reason: Error): void {
    if (this.#successor !== undefined) {
      this.#successor.giveUp(reason);
      return;
    }
    if (this.#stage !== "waiting" && this.#stage !== "seeking") return;
    this.#stage = "over";
    this.#dispatch.answered(this.#call, this.#route, this.#passage?.giveUp(), reason);
    this.#callback(reason, undefined);
  }

  readonly #acquired: TrackCallback = (error, client, release, route) => {
    if (this.#stage === "over") {
      if (client !== undefined) release();
      return;
    }
    this.#stage = "sent";
    if (error === readerBehind) {
      this.#goElsewhere();
      return;
    }
    this.#route = route;
    if (client === undefined) {
      this.#fail(this.#failedWith ?? (error as Error));
      return;
    }
    if (!isUsable(client)) {
      // It was lost while nobody used it. Nothing has been sent.
      release(true);
      this.#stage = "seeking";
      this.#repeat(route, undefined);
      return;
    }
    this.#client = client;
    this.#release = release;
    this.#dispatch.uses?.taken(client, this.#context);
    this.#sendOn(client, true);
  };

  /** @param mayPrepare - whether it may be sent as a prepared statement */
  #sendOn(client: EndpointClient, mayPrepare: boolean): void {
    const companions = this.#dispatch.attend(client, this.#call);
    if (companions === "behind") {
      this.#giveBack(undefined);
      this.#goElsewhere();
      return;
    }
    const movable = this.#dispatch.movable(this.#call, this.#route);
    if (movable !== undefined) this.#repeatWhenRefused(movable, client);
    const query = movable ?? (mayPrepare ? this.#asPrepared(client) : this.#call.query);
    if (this.#call.habit !== undefined) this.#sentAt = performance.now();
    try {
      client.send(query, this.#call.values, this.#settled, factsOf(this.#call), companions);
    } catch (thrown) {
      this.#settled(thrown as Error);
    }
  }

  /** What is sent on a connection of its own: a prepared statement, if that is best. */
  #asPrepared(client: EndpointClient): QueryInput {
    const { query } = this.#call;
    if (this.#plan === undefined || isSubmittable(query)) return query;
    this.#name = this.#dispatch.sending.nameOn(client, this.#call, this.#plan);
    if (this.#name === undefined || this.#name === this.#plan.name) return query;
    return asNamed(this.#plan, this.#name, signalOf(query));
  }

  readonly #settled: QueryCallback = (error, result) => {
    // pg calls back again when a connection is closed under a query that it could not send.
    if (this.#stage !== "sent") return;
    this.#stage = "over";
    const client = this.#client as TakenClient;
    if (!error) {
      if (this.#sentAt > 0) {
        this.#dispatch.sending.ranAlone(this.#call, client, this.#sentAt, this.#name);
      }
      this.#giveBack(undefined);
      this.#answer(undefined, result);
      return;
    }
    if (error === readerBehind) {
      this.#giveBack(undefined);
      this.#goElsewhere();
      return;
    }
    if (this.#name !== undefined && this.#name !== this.#plan?.name && isUsable(client)) {
      if (mayBePreparationsFault(error, this.#call.facts)) {
        this.#dispatch.sending.failedPrepared(client, this.#name, error);
        this.#name = undefined;
        this.#stage = "sent";
        // What else the server has said with it is heard first.
        process.nextTick(() => this.#sendOn(client, false));
        return;
      }
    }
    this.#stage = "seeking";
    this.#dispatch.recover(this.#failureOf(client, error), (again, told) => {
      if (again !== undefined) {
        this.#giveBack(isUsable(client) ? undefined : error);
        this.#repeat(again, error);
        return;
      }
      this.#giveBack(this.#wasCancelled(client) ? undefined : error);
      if (this.#stage !== "seeking") return;
      this.#stage = "over";
      this.#answer(told, undefined);
    });
  };

  /** @param error - what it has failed with, where it had */
  #repeat(route: Route, error: Error | undefined): void {
    if (this.#stage !== "seeking") return;
    const again = this.#again(route, this.#tries + 1, this.#plan);
    if (isServerGoingAway(error)) again.#farewells += 1;
    this.#call.trace?.retried(route, error);
    startSoon(again, route);
  }

  #again(route: Route, tries: number, plan: QueryPlan | undefined): Errand {
    const again = new Errand(this.#dispatch, this.#call, route, this.#callback, plan, tries);
    again.#farewells = this.#farewells;
    this.#successor = again;
    return again;
  }

  /** No reader has what it must see, or this one has not: another way is looked for. */
  #goElsewhere(): void {
    this.#stage = "seeking";
    const signal = signalOf(this.#call.query);
    if (signal?.aborted === true) {
      // While its reader was asked, where nothing was to be cancelled.
      this.giveUp(abortReason(signal));
      return;
    }
    this.#dispatch.remedy(this.#call, this.#route, this.#tries, (again, problem) => {
      if (again !== undefined) {
        this.#repeat(again, undefined);
        return;
      }
      if (this.#stage !== "seeking") return;
      this.#stage = "over";
      this.#fail(problem as Error);
    });
  }

  /** Answers what was not sent. */
  #fail(error: Error): void {
    if (isSubmittable(this.#call.query)) failSubmittable(this.#call.query, error);
    this.#answer(error, undefined);
  }

  #answer(error: Error | undefined, result: unknown): void {
    this.#dispatch.answered(this.#call, this.#route, this.#client, error);
    this.#callback(error, result);
  }

  #giveBack(error: Error | undefined): void {
    const { uses } = this.#dispatch;
    this.#release?.(error);
    uses?.givenBack(error, this.#client as TakenClient, this.#context);
  }

  /** A statement that its caller's signal has cancelled leaves a good connection behind. */
  #wasCancelled(client: EndpointClient): boolean {
    return signalOf(this.#call.query)?.aborted === true && isUsable(client);
  }

  /** A refused cursor or stream is submitted again, and answered, by the writer. */
  #repeatWhenRefused(movable: Replayable, client: EndpointClient): void {
    const quiet = (): void => {
      client.removeListener("drain", quiet);
      client.removeListener("end", quiet);
      // Otherwise it has its answer: its deadline may be over, or the connection lost.
      if (!movable.refused || this.#stage !== "sent") return;
      this.#stage = "over";
      movable.letGo();
      this.#giveBack(undefined);
      const moved = { ...this.#call, query: movable };
      const route = this.#dispatch.afterRefusal(this.#call.text, movable.refusal);
      this.#call.trace?.retried(route, movable.refusal);
      new Errand(this.#dispatch, moved, route, this.#callback, undefined).start();
    };
    client.on("drain", quiet);
    client.on("end", quiet);
  }
}
