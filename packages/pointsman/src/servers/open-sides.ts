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
import { LagBreaker } from "./lag-breaker.ts";
import { type KnownServer, lookAtSilence } from "./look-at-silence.ts";
import { type Examined, NotTheWriter, type WriterRole } from "./not-the-writer.ts";
import { clientsOf, isUsable } from "./pg-internals.ts";
import { anotherOf, ProbeConnections } from "./probe-connection.ts";
import { ReaderChoice } from "./reader-choice.ts";
import { ReaderLags } from "./reader-lags.ts";
import { Readmission } from "./readmission.ts";
import { runAsSetUp } from "./set-up.ts";
import { SettlingPool } from "./settling-pool.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { openTopology } from "./topology/open-topology.ts";
import type { TopologyWatch } from "./topology/topology-watch.ts";
import { WriterAddresses } from "./writer-addresses.ts";
import type { WriterGate } from "./writer-gate.ts";
import { gateFor } from "./writer-side.ts";

/** How long the writer may take to say which cluster it belongs to, in milliseconds. */
const identityMillis = 5000;

/** How long a connection to a reader is used by default. */
const readerLifetimeSeconds = 300;

/** The two sides of the cluster; one and the same pool where there is one server. */
export interface Sides {
  readonly writer: SettlingPool;
  readonly reader: SettlingPool;
  readonly gate: WriterGate;
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
  readonly classify: (sql: string) => Classification;
  readonly watch: WatchQuery;
  /**
   * Called for each new connection before its first use.
   *
   * @returns the system identifier of its cluster, if it may be asked, and what its server is
   */
  readonly opened: (client: EndpointClient) => Promise<Opened>;
  /** Asks a connection what its server is now. */
  readonly examine: (client: EndpointClient) => Promise<Examined>;
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

/** A peer that has vanished while a connection was idle is noticed by the system. */
const keptAlive = { keepAlive: true, keepAliveInitialDelayMillis: 5000 };

/** pg's options that lead to an endpoint, secrets included. */
export function endpointOptions(pool: Readonly<PoolConfig>, endpoint: Endpoint): PoolConfig {
  const { client } = endpoint;
  const hidden: ClientConfig = {};
  if (client.password !== undefined) hidden.password = client.password;
  if (client.connectionString !== undefined) hidden.connectionString = client.connectionString;
  return { ...commonOptions(pool), ...client, ...hidden };
}

/** pg's options of a side, wherever its connections lead. */
function commonOptions(pool: Readonly<PoolConfig>): PoolConfig {
  return { ...keptAlive, ...pool };
}

/** Prepares a pool that stands before one server, and is both sides. */
export function openSingle(pool: SettlingPool, config: Config, front: Front): Sides {
  const addresses = new WriterAddresses(config.writer, commonOptions(config.writerPool));
  const probes = new ProbeConnections(baseClass(config));
  const gate = guard(pool, addresses, probes, config, front, () => topology?.hurry());
  const topology = openTopology(config, { writer: { pool, addresses, gate }, probes, ...front });
  const silence = listen(
    [{ side: "writer", pool, addresses, gone: (_, error) => gate.close(error) }],
    probes,
    front,
  );
  pool.Client = endpointClientClass(baseClass(config), {
    side: "writer",
    addresses,
    watch: front.watch,
    made: (client) => {
      topology?.begin();
      front.made(client);
    },
    gate: () => gate,
    // Whoever has a standby alone wants to read it; one that was the writer is another matter.
    readers: "until the writer is known",
    setUpFailed: (error) => {
      front.events.emit("error", error);
    },
    abandoned: (outcome) => {
      front.events.emit("abandoned", { outcome });
    },
  });
  const end = (): void => {
    topology?.end();
    silence.end();
    probes.end();
  };
  return { writer: pool, reader: pool, gate, topology, end, readers: undefined };
}

/** Makes the pools of both sides. */
export function openSides(config: Config, front: Front): Sides {
  const probes = new ProbeConnections(baseClass(config));
  const identity: ClusterIdentity = new ClusterIdentity(
    async () => {
      await probes.look(
        () => anotherOf(writer),
        identityMillis,
        async (client) => identity.learn("writer", "", await front.systemOf(client)),
      );
    },
    // It is part of the time that a caller waits for a connection.
    Math.min(1000, (config.readerPool.connectionTimeoutMillis || 4000) / 4),
  );
  const addresses = new EndpointAddresses(
    config.readers,
    commonOptions(config.readerPool),
    (address) => {
      if (address.failures === 1) warnOfReader(address);
      readmission.watch(address);
      topology?.hurry();
    },
  );
  const atWriter = new WriterAddresses(
    config.writer,
    commonOptions(config.writerPool),
    promotable(config),
  );
  const writer = openSide("writer", config, front, atWriter, identity);
  const gate = guard(writer, atWriter, probes, config, front, () => topology?.hurry());
  const promoted = (): void => gate.close(new NotTheWriter(config.writer.name, "outdated"));
  const choice = new ReaderChoice();
  const reader = openSide("reader", config, front, addresses, identity, {
    promoted,
    joined: async (client) => {
      await lag?.admit(client);
      choice.join(client, front.serverOf(client));
    },
  });
  reader.choice = choice;
  const anotherReader = (address: EndpointAddress): Client =>
    probes.at(address, "reader", addresses, reader.options);
  const { maxLagMillis } = config;
  const lag =
    maxLagMillis === undefined || config.mirror
      ? undefined
      : new LagBreaker({
          ...front,
          pool: reader,
          maxLagMillis,
          probes,
          another: ({ address }) => anotherReader(address),
        });
  if (lag !== undefined) reader.watches.push(lag);
  const readmission = new Readmission(
    probes,
    anotherReader,
    async (client) => lag === undefined || lag.isNear(client),
  );
  const topology = openTopology(config, {
    writer: { pool: writer, addresses: atWriter, gate },
    reader: { pool: reader, addresses },
    probes,
    ...front,
  });
  for (const pool of [writer, reader]) pool.on("connect", () => topology?.begin());
  const silence = listen(
    [
      { side: "writer", pool: writer, addresses: atWriter, gone: (_, error) => gate.close(error) },
      {
        side: "reader",
        pool: reader,
        addresses,
        gone: ({ address }, error) => address.vanished(error),
      },
    ],
    probes,
    front,
  );
  const end = (): void => {
    topology?.end();
    silence.end();
    lag?.end();
    readmission.end();
    probes.end();
  };
  return { writer, reader, gate, topology, end, readers: { addresses, identity } };
}

/** One side, as far as its servers may vanish. */
interface Audible {
  readonly side: Target;
  readonly pool: SettlingPool;
  readonly addresses: EndpointAddresses;
  readonly gone: (client: EndpointClient, error: Error) => void;
}

/** Listens for servers that vanish without a word. */
function listen(
  sides: readonly Audible[],
  probes: ProbeConnections,
  { serverOf, meet }: Front,
): SilenceWatch {
  // By what the connection was made for: its pool may have let go of it already.
  const sideOf = ({ side }: EndpointClient): Audible =>
    sides.find((one) => one.side === side) as Audible;
  const silence = new SilenceWatch({
    pools: sides.map(({ pool }) => pool),
    look: (client, hurry) => {
      const { pool, addresses } = sideOf(client);
      const another = (one: EndpointClient): Client => probes.beside(one, addresses, pool.options);
      return lookAtSilence(client, { pool, probes, another, serverOf, meet }, hurry);
    },
    companionsOf: (client) => {
      const server = serverOf(client);
      const all = clientsOf(sideOf(client).pool) as readonly EndpointClient[];
      if (server !== undefined) return all.filter((one) => serverOf(one) === server);
      return all.filter(({ address }) => address === client.address);
    },
    gone: (client, error) => sideOf(client).gone(client, error),
  });
  for (const { pool } of sides) pool.watches.push(silence);
  return silence;
}

function guard(
  pool: SettlingPool,
  addresses: WriterAddresses,
  probes: ProbeConnections,
  config: Config,
  { examine }: Front,
  lost: () => void,
): WriterGate {
  const gate = gateFor({
    pool,
    addresses,
    probes,
    timeoutMillis: config.failoverTimeoutMillis,
    examine,
    lost,
  });
  pool.gate = gate;
  pool.maxWaiting = config.maxWaiting;
  return gate;
}

/** The readers' endpoints that lead to the writer after a failover, before its own endpoint does. */
function promotable({ writer, readers, mirror }: Config): readonly Endpoint[] {
  if (mirror) return [];
  return readers.filter(({ client }) => client.user === writer.client.user);
}

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

function openSide(
  side: Target,
  config: Config,
  front: Front,
  addresses: EndpointAddresses,
  identity: ClusterIdentity,
  readers?: ReaderCare,
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
        throw error;
      }
    },
  } as PoolConfig);
  hideSecrets(pool.options);
  pool.maxWaiting = config.maxWaiting;
  pool.endTimeoutMillis = config.endTimeoutMillis;
  pool.Client = endpointClientClass(baseClass(config), {
    side,
    addresses,
    classify: front.classify,
    mirror,
    watch: front.watch,
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

function baseClass(config: Config): (new (config?: ClientConfig) => Client) | undefined {
  return config.writerPool.Client as never;
}

/** libpq's `options` of a session that is read-only at the server. */
function readOnlySession(options: string | undefined): string {
  return `${options ?? ""} -c default_transaction_read_only=on`.trim();
}

function warnOfReader(address: EndpointAddress): void {
  const { name, lastError } = address;
  const why = lastError?.message.replace(/\.$/, "") ?? "unknown error";
  const what =
    lastError instanceof ReaderLags
      ? `The reader ${why}. Its reads go elsewhere until it has caught up.`
      : `The reader ${name} cannot be reached: ${why}. Its reads go elsewhere until it can.`;
  warn("POINTSMAN_READER_UNAVAILABLE", what);
}
