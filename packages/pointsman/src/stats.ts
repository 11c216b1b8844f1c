import type { CatalogStats } from "./catalog/catalog-watch.ts";
import type { UnknownFunction } from "./catalog/unknown-functions.ts";
import { placeName } from "./config/endpoint.ts";
import type { Freshness } from "./consistency/freshness.ts";
import type { RememberedRefusal } from "./refused-texts.ts";
import type { Router } from "./router.ts";
import type { RoutingMode } from "./routing/mode.ts";
import type { Reason } from "./routing/reasons.ts";
import type { Target } from "./routing/route.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import type { Lanes } from "./servers/lanes/lanes.ts";
import { clientsOf } from "./servers/pg-internals.ts";
import type { SettlingPool } from "./servers/settling-pool.ts";
import type { Sides } from "./servers/sides.ts";
import type { TopologyWatch } from "./servers/topology/topology-watch.ts";
import type { ShadowStats } from "./shadow/shadow-report.ts";
import type { ClassifierStats } from "./statements/classify.ts";

/** The connections of one side that carry many short reads at once. */
export interface LaneStats {
  /** Lanes that are open now, of the connections of their side. */
  readonly open: number;
  /** Reads that are on their way in them. */
  readonly riding: number;
  /** Reads that wait for room in one. */
  readonly waiting: number;
  /** Reads that lanes have carried. */
  readonly carried: number;
  /** Of these, the ones that were sent elsewhere as well, since what was in front of them took long. */
  readonly moved: number;
}

/** The connections of one side. */
export interface SideStats {
  /** Connections that are open, `idle` ones included. */
  readonly total: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** Callers that got none within `connectionTimeoutMillis`. */
  readonly timeouts: number;
  readonly max: number;
  /** Absent where connections are not shared. */
  readonly lanes?: LaneStats;
}

/** One reader: an endpoint as it was configured, or a server that the topology has told of. */
export interface ReaderStats {
  /** `host:port` */
  readonly endpoint: string;
  readonly connections: number;
  /** Whether new connections are tried. One that could not be reached is looked at from time to time. */
  readonly available: boolean;
  /** How often connecting has failed since it last worked. */
  readonly failures: number;
  /**
   * It has left the cluster, as its topology tells, and some of its connections are still in use. It
   * is listed until they are closed, and is not `available`.
   */
  readonly gone: boolean;
}

/** One server behind the readers' endpoints, as it was last seen. */
export interface ReaderServerStats {
  /**
   * `host:port` of the endpoint by which it was reached first. Of several servers behind one endpoint
   * the second ends with `#2`, and so on.
   */
  readonly endpoint: string;
  /** How far it was behind the writer when it was last asked, in milliseconds; absent: not known. */
  readonly lagMillis?: number;
  /** The timeline that it was shown to follow; 0: it cannot tell. */
  readonly timeline: number;
  /** What tells how far it has come. */
  readonly positions: "wal" | "transaction-id" | "none";
}

/** What keeping reads fresh has taken. */
export interface FreshnessStats {
  /** Reads that asked, in their own flight, whether their reader was far enough. */
  readonly guarded: number;
  /** Times that it was not, or that no reader was worth asking. */
  readonly behind: number;
  /** Reads that waited for a reader, and were served by it. */
  readonly waited: number;
  /** Questions to the writer that were not part of a statement's flight. */
  readonly asked: number;
  /**
   * Of the last thousand reads outside of sessions: the share that went to the writer because of
   * what the process had written. Absent before there were as many.
   */
  readonly processShare?: number;
  /** The servers that connections to readers lead to. */
  readonly servers: readonly ReaderServerStats[];
}

/** Where the writer is looked for. */
export interface FailoverStats {
  /** The writer is being looked for now. */
  readonly searching: boolean;
  /** Callers that wait for it. */
  readonly waiting: number;
  /** How often it had to be looked for. */
  readonly searches: number;
}

/** One server that the topology of the cluster tells of. */
export interface MemberStats {
  /** `host:port`, with the address behind it where the host has several. */
  readonly endpoint: string;
  /** Absent: nobody says. */
  readonly role?: Target;
  /** How far it is said to be behind the writer, in milliseconds; absent: not known. */
  readonly lagMillis?: number;
}

/** What the topology of the cluster tells. */
export interface TopologyStats {
  readonly members: readonly MemberStats[];
  /** How often it was looked at. */
  readonly looks: number;
  /** How often nothing was learned by that. */
  readonly failures: number;
}

/** Numbers of a pool since it was made. */
export interface PoolStats {
  /** How much is routed now. */
  readonly mode: RoutingMode;
  /**
   * Statements answered, by where they went. With one server: by where they would have gone; with
   * `shadow` that is in `shadow`.
   */
  readonly targets: Readonly<Record<Target, number>>;
  /** Statements answered, by reason; every reason is there. */
  readonly reasons: Readonly<Record<Reason, number>>;
  /** Statements that a reader refused and that were repeated on the writer. */
  readonly refusals: number;
  /** Texts that are remembered as refused, and go to the writer now. */
  readonly refusedTexts: number;
  /** At most 20 of these texts, those first that have gone to the writer most often since. */
  readonly refused: readonly RememberedRefusal[];
  readonly writer: SideStats;
  /** Absent with one server. */
  readonly reader?: SideStats & {
    readonly endpoints: readonly ReaderStats[];
    /**
     * Connections of it that lead to a server which is no standby: a reader endpoint may lead to the
     * writer where there is no reader.
     */
    readonly onWriter: number;
  };
  /**
   * What `connect()` hands out, who waits for it, and who got none in time: whoever waits here waits
   * on no side yet. With one server: the writer's connections.
   */
  readonly clients: SideStats;
  readonly freshness: FreshnessStats;
  readonly failover: FailoverStats;
  /** Absent where what was configured is all there is. */
  readonly topology?: TopologyStats;
  /** Absent where the database is not asked. */
  readonly catalog?: CatalogStats;
  /**
   * Functions that keep statements from readers since nobody knows what they do, the ones that matter
   * most first, 20 at most: candidates for the option `functions`.
   */
  readonly unknownFunctions: readonly UnknownFunction[];
  /** The memory of verdicts. */
  readonly statements: ClassifierStats;
  /** What would have happened without `shadow`; absent where that is off. */
  readonly shadow?: ShadowStats;
}

export function statsOf(router: Router, sides: Sides, clients: SideStats): PoolStats {
  const writer = hasWriter(sides) ? writerStats(router, sides) : noConnections;
  return {
    mode: router.mode,
    targets: { ...router.targets },
    reasons: { ...router.counts },
    refusals: router.refusals,
    refusedTexts: router.refusedTexts,
    refused: router.busiestRefusals(),
    writer,
    ...(sides.readers === undefined
      ? {}
      : {
          reader: {
            ...sideStats(sides.reader, sides.lanes.reader, router.timeouts.reader),
            onWriter: leadToWriter(sides.reader),
            endpoints: sides.readers.addresses.withGone.map((address) => ({
              endpoint: address.name,
              connections: address.open,
              available: address.available,
              failures: address.failures,
              gone: address.gone,
            })),
          },
        }),
    clients: sides.readers === undefined ? { ...clients, timeouts: writer.timeouts } : clients,
    freshness: freshnessStats(router.freshness),
    failover: {
      searching: sides.gate.closed,
      waiting: sides.gate.waiting,
      searches: sides.gate.searches,
    },
    ...(sides.topology === undefined ? {} : { topology: topologyStats(sides.topology) }),
    ...(router.catalog === undefined ? {} : { catalog: router.catalog.stats() }),
    unknownFunctions: router.unknownFunctions(),
    statements: router.classifierStats(),
    ...(router.shadow === undefined ? {} : { shadow: router.shadow.stats() }),
  };
}

function topologyStats({ members, counts }: TopologyWatch): TopologyStats {
  return {
    members: members.map((member) => ({
      endpoint: placeName(member),
      ...(member.role === undefined ? {} : { role: member.role }),
      ...(member.lagMillis === undefined ? {} : { lagMillis: member.lagMillis }),
    })),
    ...counts,
  };
}

function freshnessStats(freshness: Freshness): FreshnessStats {
  const { share } = freshness.processShare;
  return {
    ...freshness.counts,
    ...(share === undefined ? {} : { processShare: share }),
    servers: freshness.readers().map((server) => {
      const lagMillis = freshness.lagOf(server);
      return {
        endpoint: freshness.endpointOf(server),
        ...(lagMillis === undefined ? {} : { lagMillis }),
        timeline: server.timeline,
        positions: names[server.maker ?? "none"],
      };
    }),
  };
}

const names = { wal: "wal", xid: "transaction-id", none: "none" } as const;

function leadToWriter(pool: SettlingPool): number {
  const clients = clientsOf(pool) as readonly EndpointClient[];
  return clients.filter(({ standby }) => standby === false).length;
}

/** A read-only pool may have none. */
function hasWriter({ writer, reader, readers }: Sides): boolean {
  return readers === undefined || writer !== reader;
}

const noConnections: SideStats = { total: 0, idle: 0, waiting: 0, timeouts: 0, max: 0 };

function writerStats({ timeouts, waitingInstead }: Router, sides: Sides): SideStats {
  // With one server its connections serve whatever was to go to a reader, too.
  const those = sides.readers === undefined ? timeouts.writer + timeouts.reader : timeouts.writer;
  const side = sideStats(sides.writer, sides.lanes.writer, those);
  return { ...side, waiting: side.waiting + waitingInstead };
}

/** @param timeouts - of statements; those of `connect` the pool has counted */
function sideStats(pool: SettlingPool, lanes: Lanes | undefined, timeouts: number): SideStats {
  return {
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    timeouts: pool.timeouts + timeouts,
    max: pool.options.max,
    ...(lanes === undefined ? {} : { lanes: laneStats(lanes) }),
  };
}

function laneStats({ open, riders, waiting, counts }: Lanes): LaneStats {
  return { open, riding: riders, waiting, ...counts };
}
