import type { AsyncResource } from "node:async_hooks";
import type { PoolClient } from "pg";
import { type Call, factsOf } from "./call.ts";
import type { Failure } from "./recover.ts";
import type { Route } from "./routing/route.ts";
import { abortReason, signalOf } from "./servers/abortable-query.ts";
import { type Companions, readerBehind } from "./servers/companions.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { isUsable } from "./servers/pg-internals.ts";
import { failSubmittable, isSubmittable, type QueryCallback } from "./servers/query-input.ts";
import type { Replayable } from "./servers/replayable.ts";
import type { Release } from "./servers/settling-pool.ts";

export type TakenClient = PoolClient & EndpointClient;

export type TrackCallback = (
  error: Error | undefined,
  client: TakenClient | undefined,
  release: Release,
  route: Route,
) => void;

/** What a statement asks of the connection that it is to be sent on. */
export type Wants = Pick<Call, "demand" | "staging">;

/** Called with the route on which a read is sent again, or with why it is not. */
export type RemedyCallback = (again: Route | undefined, problem?: Error) => void;

/** What an errand needs of the router that sends it. */
export interface Dispatch {
  acquire(route: Route, budget: number | undefined, wants: Wants, callback: TrackCallback): void;
  attend(client: EndpointClient, call: Call): Companions | "behind" | undefined;
  remedy(call: Call, route: Route, tries: number, next: RemedyCallback): void;
  expectWrite(call: Call): (() => void) | undefined;
  answered(
    call: Call,
    route: Route,
    client: EndpointClient | undefined,
    error: Error | undefined,
  ): void;
  recover(failure: Failure, next: (again: Route | undefined, told: Error) => void): void;
  afterRefusal(): Route;
  movable(call: Call, route: Route): Replayable | undefined;
  readonly uses: Uses | undefined;
}

/** Hears of connections that statements take and give back. */
export interface Uses {
  /** The caller's context, to tell of the use in; absent while nobody listens. */
  context(): AsyncResource | undefined;
  taken(client: PoolClient, context: AsyncResource | undefined): void;
  givenBack(error: Error | undefined, client: PoolClient, context: AsyncResource | undefined): void;
}

/** Sends one statement on a connection of its own, and a second time where that is right. */
export function runErrand(
  dispatch: Dispatch,
  call: Call,
  route: Route,
  callback: QueryCallback,
): void {
  const signal = signalOf(call.query);
  if (signal?.aborted === true) {
    callback(abortReason(signal));
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
  if (signal === undefined) {
    new Errand(dispatch, call, route, answer).start();
    return;
  }
  // While it waits for a connection an abort answers at once; later the connection cancels it.
  const errand = new Errand(dispatch, call, route, (error, result) => {
    signal.removeEventListener("abort", abort);
    answer(error, result);
  });
  const abort = (): void => {
    if (errand.giveUp()) answer(abortReason(signal));
  };
  signal.addEventListener("abort", abort, { once: true });
  errand.start();
}

/** One statement from its route to its answer. An object of its own: this is the hot path. */
class Errand {
  readonly #dispatch: Dispatch;
  readonly #call: Call;
  readonly #callback: QueryCallback;
  #route: Route;
  #context: AsyncResource | undefined;
  #client: TakenClient | undefined;
  #release: Release | undefined;
  #stage: "waiting" | "sent" | "over" = "waiting";
  /** How often it was sent before, to readers that were behind or over connections that were lost. */
  readonly #tries: number;

  constructor(dispatch: Dispatch, call: Call, route: Route, callback: QueryCallback, tries = 0) {
    this.#tries = tries;
    this.#dispatch = dispatch;
    this.#call = call;
    this.#route = route;
    this.#callback = callback;
  }

  start(): void {
    this.#context = this.#dispatch.uses?.context();
    this.#dispatch.acquire(this.#route, undefined, this.#call, this.#acquired);
  }

  /** Ends it while it waits for a connection; `false` when it has been sent. */
  giveUp(): boolean {
    if (this.#stage !== "waiting") return false;
    this.#stage = "over";
    return true;
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
      this.#fail(error as Error);
      return;
    }
    if (!isUsable(client)) {
      // It was lost while nobody used it. Nothing has been sent.
      release(true);
      this.#stage = "over";
      this.#repeat(route);
      return;
    }
    this.#client = client;
    this.#release = release;
    this.#dispatch.uses?.taken(client, this.#context);
    const companions = this.#dispatch.attend(client, this.#call);
    if (companions === "behind") {
      this.#giveBack(undefined);
      this.#goElsewhere();
      return;
    }
    const movable = this.#dispatch.movable(this.#call, route);
    if (movable !== undefined) this.#repeatWhenRefused(movable, client);
    try {
      client.send(
        movable ?? this.#call.query,
        this.#call.values,
        this.#settled,
        factsOf(this.#call),
        companions,
      );
    } catch (thrown) {
      this.#settled(thrown as Error);
    }
  };

  readonly #settled: QueryCallback = (error, result) => {
    // pg calls back again when a connection is closed under a query that it could not send.
    if (this.#stage === "over") return;
    this.#stage = "over";
    if (!error) {
      this.#giveBack(undefined);
      this.#answer(undefined, result);
      return;
    }
    if (error === readerBehind) {
      this.#giveBack(undefined);
      this.#goElsewhere();
      return;
    }
    const client = this.#client as TakenClient;
    const failure = {
      call: this.#call,
      route: this.#route,
      client,
      error,
      inTransaction: false,
      movable: true,
      tries: this.#tries,
    };
    this.#dispatch.recover(failure, (again, told) => {
      if (again !== undefined) {
        this.#giveBack(isUsable(client) ? undefined : error);
        // Others that were cut at the same moment are noticed first, or it would try them all.
        if (again.reason === "after-loss") setImmediate(() => this.#repeat(again));
        else this.#repeat(again);
        return;
      }
      this.#giveBack(this.#wasCancelled(client) ? undefined : error);
      this.#answer(told, undefined);
    });
  };

  #repeat(route: Route): void {
    new Errand(this.#dispatch, this.#call, route, this.#callback, this.#tries + 1).start();
  }

  /** No reader has what it must see, or this one has not: another way is looked for. */
  #goElsewhere(): void {
    this.#stage = "over";
    this.#dispatch.remedy(this.#call, this.#route, this.#tries, (again, problem) => {
      if (again !== undefined) this.#repeat(again);
      else this.#fail(problem as Error);
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
    const carrier = this.#call.query as { callback?: unknown };
    const own = carrier.callback;
    const quiet = (): void => {
      client.removeListener("drain", quiet);
      client.removeListener("end", quiet);
      if (!movable.refused) return;
      carrier.callback = own;
      this.#stage = "over";
      this.#giveBack(undefined);
      const moved = { ...this.#call, query: movable };
      new Errand(this.#dispatch, moved, this.#dispatch.afterRefusal(), this.#callback).start();
    };
    client.on("drain", quiet);
    client.on("end", quiet);
  }
}
