import type { Call } from "./call.ts";
import type { Failure } from "./recover.ts";
import type { Route } from "./routing/route.ts";
import type { Sending } from "./sending.ts";
import type { Companions } from "./servers/companions.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import type { Replayable } from "./servers/replayable.ts";
import type { TrackCallback, Uses, Wants } from "./taken-client.ts";

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
  afterRefusal(text: string | undefined, error: unknown): Route;
  movable(call: Call, route: Route): Replayable | undefined;
  readonly uses: Uses | undefined;
  readonly sending: Sending;
}
