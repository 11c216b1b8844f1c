import type { Router } from "./router.ts";
import type { Reason } from "./routing/reasons.ts";
import type { Target } from "./routing/route.ts";
import type { Sides } from "./servers/open-sides.ts";
import type { SettlingPool } from "./servers/settling-pool.ts";

/** The connections of one side. */
export interface SideStats {
  /** Connections that are open, `idle` ones included. */
  readonly total: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  readonly max: number;
}

/** One reader, as it was configured. */
export interface ReaderStats {
  /** `host:port` */
  readonly endpoint: string;
  readonly connections: number;
  /** Whether new connections are tried; one that could not be reached is left alone for a second. */
  readonly available: boolean;
  /** How often connecting has failed since it last worked. */
  readonly failures: number;
}

/** Numbers of a pool since it was made. */
export interface PoolStats {
  /** Statements answered, by where they went. With one server: by where they would have gone. */
  readonly targets: Readonly<Record<Target, number>>;
  /** Statements answered, by reason; every reason is there. */
  readonly reasons: Readonly<Record<Reason, number>>;
  /** Statements that a reader refused and that were repeated on the writer. */
  readonly refusals: number;
  /** Texts that are remembered as refused, and go to the writer now. */
  readonly refusedTexts: number;
  readonly writer: SideStats;
  /** Absent with one server. */
  readonly reader?: SideStats & { readonly endpoints: readonly ReaderStats[] };
  /** What `connect()` hands out, and who waits for it. With one server: the writer's connections. */
  readonly clients: SideStats;
  /** The memory of verdicts. */
  readonly statements: ReturnType<Router["classifierStats"]>;
}

export function statsOf(router: Router, sides: Sides, clients: SideStats): PoolStats {
  return {
    targets: { ...router.targets },
    reasons: { ...router.counts },
    refusals: router.refusals,
    refusedTexts: router.refusedTexts,
    writer: sideStats(sides.writer),
    ...(sides.readers === undefined
      ? {}
      : {
          reader: {
            ...sideStats(sides.reader),
            endpoints: sides.readers.addresses.all.map((address) => ({
              endpoint: address.name,
              connections: address.open,
              available: address.available,
              failures: address.failures,
            })),
          },
        }),
    clients,
    statements: router.classifierStats(),
  };
}

function sideStats(pool: SettlingPool): SideStats {
  return {
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    max: pool.options.max,
  };
}
