import type { EventEmitter } from "node:events";
import type { Client, ClientBase, ClientConfig, PoolConfig } from "pg";
import type { Config } from "../config/config.ts";
import { type Endpoint, hideSecrets } from "../config/endpoint.ts";
import type { Target } from "../routing/route.ts";
import type { Classification } from "../statements/types.ts";
import { warn } from "../telemetry/warnings.ts";
import { ClusterIdentity } from "./cluster-identity.ts";
import { type EndpointAddress, EndpointAddresses } from "./endpoint-addresses.ts";
import { type EndpointClient, endpointClientClass, type WatchQuery } from "./endpoint-client.ts";
import { IdentityProbe } from "./identity-probe.ts";
import { isUsable } from "./pg-internals.ts";
import { runAsSetUp } from "./set-up.ts";
import { SettlingPool } from "./settling-pool.ts";

/** The two sides of the cluster; one and the same pool where there is one server. */
export interface Sides {
  readonly writer: SettlingPool;
  readonly reader: SettlingPool;
  /** Given when the sides are different pools. */
  readonly readers:
    | {
        readonly addresses: EndpointAddresses;
        readonly identity: ClusterIdentity;
        readonly probe: IdentityProbe;
      }
    | undefined;
}

/** What the sides need of the pool in front of them. */
export interface Front {
  /** Hears of connections that are opened, lost and removed on both sides. */
  readonly events: EventEmitter;
  readonly classify: (sql: string) => Classification;
  readonly watch: WatchQuery;
  /**
   * Called for each new connection before its first use.
   *
   * @returns the system identifier of its cluster, if it may be asked
   */
  readonly opened: (client: EndpointClient) => Promise<string | undefined>;
  /** Asks a connection for the system identifier of its cluster, if it may be asked. */
  readonly systemOf: (client: EndpointClient) => Promise<string | undefined>;
  /** Called for each connection to a single server, before it is opened. */
  readonly made: (client: EndpointClient) => void;
}

/** pg's options that lead to an endpoint, secrets included. */
export function endpointOptions(pool: Readonly<PoolConfig>, endpoint: Endpoint): PoolConfig {
  const { client } = endpoint;
  const hidden: ClientConfig = {};
  if (client.password !== undefined) hidden.password = client.password;
  if (client.connectionString !== undefined) hidden.connectionString = client.connectionString;
  return { ...pool, ...client, ...hidden };
}

/** The client class of a pool that stands before one server. */
export function singleServerClient(config: Config, front: Front): unknown {
  return endpointClientClass(baseClass(config), {
    side: "writer",
    addresses: new EndpointAddresses([config.writer]),
    watch: front.watch,
    made: front.made,
    setUpFailed: (error) => {
      front.events.emit("error", error);
    },
    abandoned: (outcome) => {
      front.events.emit("abandoned", { outcome });
    },
  });
}

/** Makes the pools of both sides. */
export function openSides(config: Config, front: Front): Sides {
  const identity: ClusterIdentity = new ClusterIdentity(
    () => probe.ask(identity),
    // It is part of the time that a caller waits for a connection.
    Math.min(1000, (config.readerPool.connectionTimeoutMillis || 4000) / 4),
  );
  const addresses = new EndpointAddresses(config.readers, warnOfReader);
  const one = new EndpointAddresses([config.writer]);
  const writer = openSide("writer", config, front, one, identity);
  const probe = new IdentityProbe(writer, front.systemOf);
  return {
    writer,
    reader: openSide("reader", config, front, addresses, identity),
    readers: { addresses, identity, probe },
  };
}

function openSide(
  side: Target,
  config: Config,
  front: Front,
  addresses: EndpointAddresses,
  identity: ClusterIdentity,
): SettlingPool {
  const mirror = side === "reader" && config.mirror;
  const options = side === "writer" ? config.writerPool : config.readerPool;
  const endpoint = side === "writer" ? config.writer : config.readers[0];
  const { onConnect } = options;
  const pool = new SettlingPool({
    ...endpointOptions(options, endpoint as Endpoint),
    ...(mirror ? { options: readOnlySession(options.options ?? endpoint?.client.options) } : {}),
    onConnect: async (client: ClientBase) => {
      try {
        if (!config.mirror) {
          const opened = client as EndpointClient;
          await identity.learn(side, opened.endpointName, await front.opened(opened));
        }
        if (onConnect !== undefined) await runAsSetUp(client, () => onConnect(client));
      } catch (error) {
        if (!isUsable(client)) addresses.lostInSetUp(error as Error);
        throw error;
      }
    },
  } as PoolConfig);
  hideSecrets(pool.options);
  pool.Client = endpointClientClass(baseClass(config), {
    side,
    addresses,
    classify: front.classify,
    mirror,
    watch: front.watch,
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

function baseClass(config: Config): (new (config?: ClientConfig) => Client) | undefined {
  return config.writerPool.Client as never;
}

/** libpq's `options` of a session that is read-only at the server. */
function readOnlySession(options: string | undefined): string {
  return `${options ?? ""} -c default_transaction_read_only=on`.trim();
}

function warnOfReader(address: EndpointAddress): void {
  const why = address.lastError?.message.replace(/\.$/, "") ?? "unknown error";
  warn(
    "POINTSMAN_READER_UNAVAILABLE",
    `The reader ${address.name} cannot be reached: ${why}. Its reads go elsewhere until it can.`,
  );
}
