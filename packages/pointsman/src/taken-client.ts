import type { AsyncResource } from "node:async_hooks";
import type { PoolClient } from "pg";
import type { Call } from "./call.ts";
import type { Route } from "./routing/route.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
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

/** Hears of connections that statements take and give back. */
export interface Uses {
  /** The caller's context, to tell of the use in; absent while nobody listens. */
  context(): AsyncResource | undefined;
  taken(client: PoolClient, context: AsyncResource | undefined): void;
  givenBack(error: Error | undefined, client: PoolClient, context: AsyncResource | undefined): void;
}
