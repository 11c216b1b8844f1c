import type { ClientBase, PoolConfig } from "pg";
import type { Config } from "../config/config.ts";
import { type Endpoint, hideSecrets } from "../config/endpoint.ts";
import type { Target } from "../routing/route.ts";
import type { ClusterIdentity } from "./cluster-identity.ts";
import type { EndpointAddresses } from "./endpoint-addresses.ts";
import { type EndpointClient, endpointClientClass } from "./endpoint-client.ts";
import { baseClass, endpointOptions } from "./endpoint-options.ts";
import { NotTheWriter, type WriterRole } from "./not-the-writer.ts";
import { sharePgCalls } from "./pg-calls.ts";
import { isUsable } from "./pg-internals.ts";
import { ReaderLags } from "./reader-lags.ts";
import { runAsSetUp } from "./set-up.ts";
import { SettlingPool } from "./settling-pool.ts";
import type { Front } from "./sides.ts";
import { readOnlySession } from "./writable-session.ts";
import type { WriterGate } from "./writer-gate.ts";

/** How long a connection to a reader is used by default. */
const readerLifetimeSeconds = 300;

/** What the readers' side asks for besides. */
interface ReaderCare {
  /** Called when a server says that it is no standby any more. */
  readonly promoted: () => void;
  /** Called for each connection whose server is known. What it throws keeps it out. */
  readonly joined: (client: EndpointClient) => Promise<void>;
}

/** How long connections are used; those to readers move on to readers that came later. */
function lifetimeOf(side: Target, { maxLifetimeSeconds }: PoolConfig): number | undefined {
  const seconds = maxLifetimeSeconds ?? (side === "reader" ? readerLifetimeSeconds : 0);
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** Makes the pool of one side. */
export function openSide(
  side: Target,
  config: Config,
  front: Front,
  addresses: EndpointAddresses,
  identity: ClusterIdentity,
  readers?: ReaderCare,
): SettlingPool {
  const mirror = side === "reader" && config.mirror;
  const locked = side === "reader" && config.readOnly;
  const options = side === "writer" ? config.writerPool : config.readerPool;
  const endpoint = side === "writer" ? config.writer : config.readers[0];
  const { onConnect } = options;
  const pool = new SettlingPool({
    ...endpointOptions(options, endpoint as Endpoint),
    ...(mirror ? { options: readOnlySession(options.options ?? endpoint?.client.options) } : {}),
    onConnect: async (client: ClientBase) => {
      try {
        const opened = client as EndpointClient;
        if (config.mirror) {
          // What a session has written has a position, and its token tells it to others.
          if (side === "writer") await front.opened(opened);
        } else {
          const { system, role } = await front.opened(opened);
          if (side === "writer") admit(opened, role, pool.gate);
          await identity.learn(side, opened.endpointName, system);
          await readers?.joined(opened);
        }
        if (onConnect !== undefined) await runAsSetUp(client, () => onConnect(client));
      } catch (error) {
        if (!isUsable(client) || error instanceof ReaderLags) {
          addresses.lostInSetUp(error as Error);
        }
        const isUnfit = error instanceof ReaderLags || error instanceof NotTheWriter;
        (client as EndpointClient).life.ends(isUnfit ? "retired" : "failed", error);
        throw error;
      }
    },
  } as PoolConfig);
  hideSecrets(pool.options);
  sharePgCalls(pool, front.calls);
  pool.maxWaiting = config.maxWaiting;
  pool.endTimeoutMillis = config.endTimeoutMillis;
  pool.Client = endpointClientClass(baseClass(config), {
    side,
    owner: front.events,
    calls: front.calls,
    addresses,
    classify: front.classify,
    mirror,
    readOnly: locked,
    vet: front.vet,
    watch: front.watch,
    commented: front.commented,
    prepares: config.prepare !== undefined,
    gate: side === "writer" ? () => pool.gate : undefined,
    promoted: readers?.promoted,
    lifetimeMillis: lifetimeOf(side, options),
    readers: config.mirror ? "until the writer is known" : "refused",
    setUpFailed: (error) => {
      front.events.emit("error", error);
    },
    abandoned: (outcome) => {
      front.events.emit("abandoned", { outcome });
    },
  });
  for (const event of ["connect", "remove", "error"] as const) {
    pool.on(event, (...args: unknown[]) => {
      front.events.emit(event, ...args);
    });
  }
  return pool;
}

/** @throws NotTheWriter */
function admit(
  { endpointName }: EndpointClient,
  role: WriterRole,
  gate: WriterGate | undefined,
): void {
  if (role !== "writer") throw new NotTheWriter(endpointName, role);
  gate?.reached();
}
