import type { Call } from "./call.ts";
import type { Dispatch } from "./dispatch.ts";
import { isCancelled, tellsOfPreparation } from "./preparation-fault.ts";
import type { Route } from "./routing/route.ts";
import { readerBehind } from "./servers/companions.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import type { Habit } from "./servers/lanes/habit.ts";
import type { Ride, Rider } from "./servers/lanes/lane.ts";
import type { QueryPlan } from "./servers/lanes/query-plan.ts";

/** A read that has failed in a lane. */
export interface RideFailure {
  readonly error: Error;
  readonly client: EndpointClient;
  /** Whether its caller may be told of the error, where it cannot be sent again. */
  readonly counts: boolean;
  /** Lets it go on where its pool was ended meanwhile. */
  readonly admit: (go: () => void) => void;
}

/** Whoever sends a read on a lane. */
export interface Passenger {
  /** It has its answer: its result, or an error that is final. */
  arrived(error: Error | undefined, result: unknown, client: EndpointClient): void;
  /** The lane's reader has not what it must see. */
  behind(): void;
  /** It has failed there, which says nothing yet: it is to be sent by itself, as it was called. */
  failed(failure: RideFailure): void;
  /** No lane takes it, or the one that did is stuck: it is to be sent on a connection of its own. */
  walk(): void;
}

/** One read on its way to a lane and in it. */
export class Passage implements Rider {
  readonly #dispatch: Dispatch;
  readonly #call: Call;
  readonly #plan: QueryPlan;
  readonly #passenger: Passenger;
  #ride: Ride | undefined;
  isOver = false;

  private constructor(dispatch: Dispatch, call: Call, plan: QueryPlan, passenger: Passenger) {
    this.#dispatch = dispatch;
    this.#call = call;
    this.#plan = plan;
    this.#passenger = passenger;
  }

  /**
   * Sends a read on a lane, now or as soon as one has room.
   *
   * @returns `undefined`: it needs a connection of its own
   */
  static begin(
    dispatch: Dispatch,
    call: Call,
    route: Route,
    plan: QueryPlan,
    passenger: Passenger,
  ): Passage | undefined {
    const passage = new Passage(dispatch, call, plan, passenger);
    return dispatch.sending.ride(route, call, passage) ? passage : undefined;
  }

  get habit(): Habit {
    return this.#call.habit as Habit;
  }

  board(ride: Ride): void {
    const { client } = ride.lane;
    this.#ride = ride;
    const companions = this.#dispatch.attend(client, this.#call);
    if (companions === "behind") {
      this.#leave(ride, undefined);
      this.#passenger.behind();
      return;
    }
    const name = this.#dispatch.sending.nameOn(client, this.#call, this.#plan);
    client.ride(
      this.#plan,
      name,
      this.#call.facts,
      (error, result) => this.#answered(ride, name, error ?? undefined, result),
      companions,
    );
  }

  walk(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#passenger.walk();
  }

  /**
   * Its caller waits no longer.
   *
   * @returns the connection that it was sent on; `undefined`: it was not sent
   */
  giveUp(): EndpointClient | undefined {
    this.isOver = true;
    if (this.#ride === undefined) return undefined;
    this.#dispatch.sending.abandon(this.#ride);
    return this.#ride.lane.client;
  }

  #leave(ride: Ride, name: string | undefined): void {
    this.isOver = true;
    this.#dispatch.sending.left(ride, name);
  }

  #answered(ride: Ride, name: string | undefined, error: Error | undefined, result: unknown): void {
    const wasOver = this.isOver;
    this.#leave(ride, error === undefined ? name : undefined);
    if (wasOver) return;
    const { client } = ride.lane;
    if (error === readerBehind) {
      this.#passenger.behind();
      return;
    }
    // A time limit of the server's counts from the moment at which it begins with a statement.
    if (error === undefined || (isCancelled(error) && !ride.lane.isCancelled)) {
      this.#passenger.arrived(error, result, client);
      return;
    }
    this.#dispatch.sending.failedRiding(this.#call);
    const isOurs = name !== undefined && name !== this.#plan.name;
    if (isOurs) this.#dispatch.sending.failedPrepared(client, name, error);
    this.#passenger.failed({
      error,
      client,
      counts: !(isOurs && tellsOfPreparation(error)) && !isCancelled(error),
      admit: (go) => this.#dispatch.sending.admit(ride, go),
    });
  }
}
