import type { EventEmitter } from "node:events";
import type { Classification } from "../statements/types.ts";
import type { ClusterIdentity } from "./cluster-identity.ts";
import type { EndpointAddresses } from "./endpoint-addresses.ts";
import type { EndpointClient, WatchQuery } from "./endpoint-client.ts";
import type { Lanes } from "./lanes/lanes.ts";
import type { KnownServer } from "./look-at-silence.ts";
import type { Examined, WriterRole } from "./not-the-writer.ts";
import type { PgCalls } from "./pg-calls.ts";
import type { QueryInput } from "./query-input.ts";
import type { SettlingPool } from "./settling-pool.ts";
import type { TopologyWatch } from "./topology/topology-watch.ts";
import type { WriterGate } from "./writer-gate.ts";

/** The two sides of the cluster; one and the same pool where there is one server. */
export interface Sides {
  readonly writer: SettlingPool;
  readonly reader: SettlingPool;
  readonly gate: WriterGate;
  /** What carries short reads; absent: nothing. With one server both are the same. */
  readonly lanes: { readonly writer: Lanes | undefined; readonly reader: Lanes | undefined };
  /** Absent where what was configured is all there is. */
  readonly topology: TopologyWatch | undefined;
  /** Ends what goes on beside the pools. */
  readonly end: () => void;
  /** Given when the sides are different pools. */
  readonly readers:
    | {
        readonly addresses: EndpointAddresses;
        readonly identity: ClusterIdentity;
      }
    | undefined;
}

/** What a new connection has said of its server. */
export interface Opened {
  readonly system: string | undefined;
  readonly role: WriterRole;
}

/** What the sides need of the pool in front of them. */
export interface Front {
  /** Hears of connections that are opened, lost and removed on both sides. */
  readonly events: EventEmitter;
  /** How they ask `pg`. */
  readonly calls: PgCalls;
  readonly classify: (sql: string) => Classification;
  readonly watch: WatchQuery;
  /** As of `EndpointTraits`. */
  readonly vet: ((client: EndpointClient, query: QueryInput) => QueryInput) | undefined;
  /** As of `EndpointTraits`. */
  readonly commented: (query: QueryInput) => QueryInput;
  /**
   * Called for each new connection before its first use.
   *
   * @returns the system identifier of its cluster, if it may be asked, and what its server is
   */
  readonly opened: (client: EndpointClient) => Promise<Opened>;
  /** Asks a connection what its server is now. */
  readonly examine: (client: EndpointClient) => Promise<Examined>;
  /** The newest timeline that any server of the cluster has shown; 0: none has. */
  readonly timeline: () => number;
  /** What tells servers apart: of a connection that has said so, and of one that is asked now. */
  readonly serverOf: (client: EndpointClient) => KnownServer | undefined;
  readonly meet: (client: EndpointClient) => Promise<KnownServer | undefined>;
  /** When the server of a connection was started, as far as that is known: the same by every address. */
  readonly startOf: (client: EndpointClient) => string;
  /** Asks a connection for the system identifier of its cluster, if it may be asked. */
  readonly systemOf: (client: EndpointClient) => Promise<string | undefined>;
  /** Asks the writer where it stands. */
  readonly askWriter: () => Promise<unknown>;
  /** How far the server of a connection is behind that at least, in milliseconds, if it can tell. */
  readonly measureLag: (client: EndpointClient) => Promise<number | undefined>;
  /** Called for each connection to a single server, before it is opened. */
  readonly made: (client: EndpointClient) => void;
}
