import type { Call } from "./call.ts";
import type { Config } from "./config/config.ts";
import type { Connections } from "./connections.ts";
import { areTheyGone, mayBeOutdated } from "./preparation-fault.ts";
import type { Route } from "./routing/route.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { ForgetfulEndpoints } from "./servers/lanes/forgetful-endpoints.ts";
import type { Ride, Rider } from "./servers/lanes/lane.ts";
import type { Lanes, LaneTaken } from "./servers/lanes/lanes.ts";
import type { QueryPlan } from "./servers/lanes/query-plan.ts";
import type { PrepareSettings } from "./servers/lanes/settings.ts";
import type { Sides } from "./servers/sides.ts";
import type { Uses } from "./taken-client.ts";
import { warnOfForgetfulEndpoint } from "./telemetry/preparation-warnings.ts";

/** How statements are sent: on a lane among others, prepared, or as they are; and what that shows. */
export class Sending {
  readonly #sides: Sides;
  readonly #connections: Connections;
  readonly #prepare: PrepareSettings | undefined;
  readonly #after: number;
  readonly #forgetful = new ForgetfulEndpoints(warnOfForgetfulEndpoint);

  /** @param uses - hears of connections that become lanes */
  constructor(
    sides: Sides,
    connections: Connections,
    { prepare, writerLanes }: Config,
    uses: Uses | undefined,
  ) {
    this.#sides = sides;
    const { writer, reader } = sides.lanes;
    for (const lanes of [writer, reader]) {
      if (lanes !== undefined && uses !== undefined) lanes.watchUse = () => watching(uses);
    }
    this.#connections = connections;
    this.#prepare = prepare;
    this.#after = writerLanes?.after ?? 0;
  }

  /**
   * Sends a read on a lane, now or as soon as one has room.
   *
   * @returns `false`: it needs a connection of its own
   */
  ride(route: Route, call: Call, rider: Rider): boolean {
    return this.#connections.ride(route, call, rider);
  }

  /** A ride is over, or goes on where nobody waits for it. */
  left(ride: Ride, name: string | undefined): void {
    this.#lanesOf(ride.lane.client)?.left(ride, name);
  }

  /** Sends on what has failed on a lane, though its pool may have been ended since it was called. */
  admit({ lane }: Ride, go: () => void): void {
    this.#lanesOf(lane.client)?.admit(go);
  }

  /** The caller of a ride has given it up. */
  abandon(ride: Ride): void {
    this.#lanesOf(ride.lane.client)?.abandon(ride);
  }

  /** It has failed among others: it has to show again that it is no trouble. */
  failedRiding({ habit }: Call): void {
    habit?.failedRiding(this.#after);
  }

  /** The name of the prepared statement by which a call is best sent there; absent: it is not prepared. */
  nameOn(
    { prepared, endpointName }: EndpointClient,
    { habit, isOneOff }: Call,
    { name: own, values = [] }: QueryPlan,
  ): string | undefined {
    if (own !== undefined || values.length === 0 || isOneOff === true) return own;
    if (this.#prepare === undefined || prepared === undefined) return undefined;
    if (this.#forgetful.has(endpointName)) return undefined;
    const name = habit?.preparedName(this.#prepare.after);
    return name !== undefined && prepared.use(name, this.#prepare.max) ? name : undefined;
  }

  /** A prepared statement has failed: where that may be why, its connection makes it again. */
  failedPrepared({ prepared, endpointName }: EndpointClient, name: string, error: Error): void {
    const { code = "" } = error as { readonly code?: string };
    if (areTheyGone(code)) {
      // Others that are under way on a lane fail for the same loss.
      if (prepared?.has(name) === true) this.#forgetful.lost(endpointName, performance.now());
      prepared?.forget();
    } else if (mayBeOutdated(code)) prepared?.close(name);
  }

  /** It has run on a connection of its own. */
  ranAlone(
    { habit }: Call,
    client: EndpointClient,
    sentAt: number,
    name: string | undefined,
  ): void {
    const now = performance.now();
    habit?.ranAlone(now - sentAt, name);
    this.#lanesOf(client)?.ranAlone(now - sentAt, now);
  }

  #lanesOf({ side }: EndpointClient): Lanes | undefined {
    return this.#sides.lanes[side];
  }
}

/** Tells of a connection that becomes a lane in the context of whoever needs one now. */
function watching(uses: Uses): LaneTaken {
  const context = uses.context();
  return (client) => {
    uses.taken(client, context);
    return () => uses.givenBack(undefined, client, context);
  };
}
