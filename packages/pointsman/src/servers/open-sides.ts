import type { Client } from "pg";
import type { Config } from "../config/config.ts";
import type { Endpoint } from "../config/endpoint.ts";
import { reasonFrom } from "../reason-from.ts";
import { publish } from "../telemetry/publish.ts";
import { warn } from "../telemetry/warnings.ts";
import { ClusterIdentity } from "./cluster-identity.ts";
import { type EndpointAddress, EndpointAddresses } from "./endpoint-addresses.ts";
import { endpointClientClass } from "./endpoint-client.ts";
import { baseClass, commonOptions } from "./endpoint-options.ts";
import { LagBreaker } from "./lag-breaker.ts";
import { Lanes } from "./lanes/lanes.ts";
import type { LaneSettings } from "./lanes/settings.ts";
import { listenForSilence } from "./listen-for-silence.ts";
import { openSide } from "./open-side.ts";
import { anotherOf, ProbeConnections } from "./probe-connection.ts";
import { ReaderChoice } from "./reader-choice.ts";
import { ReaderLags } from "./reader-lags.ts";
import { Readmission } from "./readmission.ts";
import type { SettlingPool } from "./settling-pool.ts";
import type { Front, Sides } from "./sides.ts";
import { openTopology } from "./topology/open-topology.ts";
import { WriterAddresses } from "./writer-addresses.ts";
import type { WriterGate } from "./writer-gate.ts";
import { gateFor } from "./writer-side.ts";

/** How long the writer may take to say which cluster it belongs to, in milliseconds. */
const identityMillis = 5000;

/** Prepares a pool that stands before one server, and is both sides. */
export function openSingle(pool: SettlingPool, config: Config, front: Front): Sides {
  const addresses = new WriterAddresses(config.writer, commonOptions(config.writerPool));
  const probes = new ProbeConnections(baseClass(config), front.calls);
  const gate = guard(pool, addresses, probes, config, front, () => topology?.hurry());
  const topology = openTopology(config, { writer: { pool, addresses, gate }, probes, ...front });
  const silence = listenForSilence(
    [{ side: "writer", pool, addresses, gone: (_, error) => gate.close(error) }],
    probes,
    front,
  );
  pool.Client = endpointClientClass(baseClass(config), {
    side: "writer",
    owner: front.events,
    calls: front.calls,
    addresses,
    watch: front.watch,
    commented: front.commented,
    prepares: config.prepare !== undefined,
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
  const shared = lanesOf(pool, config.writerLanes);
  const lanes = { writer: shared, reader: shared };
  return { writer: pool, reader: pool, gate, lanes, topology, end, readers: undefined };
}

/** Makes the pools of both sides. */
export function openSides(config: Config, front: Front): Sides {
  const probes = new ProbeConnections(baseClass(config), front.calls);
  const identity: ClusterIdentity = new ClusterIdentity(
    async () => {
      // A read-only pool connects to the writer when it has something to write.
      if (config.readOnly) return;
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
    ({ name: endpoint, available }, because) => {
      publish("reader", front.events, () => ({ endpoint, available, because }));
    },
  );
  const atWriter = new WriterAddresses(
    config.writer,
    commonOptions(config.writerPool),
    promotable(config),
  );
  const writer = openSide("writer", config, front, atWriter, identity);
  const gate = guard(writer, atWriter, probes, config, front, () => topology?.hurry());
  const choice = new ReaderChoice();
  const reader = openSide("reader", config, front, addresses, identity, {
    promoted: () => gate.promoted(),
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
  const silence = listenForSilence(
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
  const side = config.hasWriter ? writer : reader;
  const lanes = {
    writer: lanesOf(side, side === reader ? undefined : config.writerLanes),
    reader: lanesOf(reader, config.readerLanes),
  };
  return { writer: side, reader, gate, lanes, topology, end, readers: { addresses, identity } };
}

function lanesOf(pool: SettlingPool, settings: LaneSettings | undefined): Lanes | undefined {
  if (settings === undefined) return undefined;
  const lanes = new Lanes(pool, settings);
  pool.sharers = lanes;
  return lanes;
}

function guard(
  pool: SettlingPool,
  addresses: WriterAddresses,
  probes: ProbeConnections,
  config: Config,
  { events, examine, timeline }: Front,
  lost: () => void,
): WriterGate {
  const gate = gateFor({
    owner: events,
    pool,
    addresses,
    probes,
    timeoutMillis: config.failoverTimeoutMillis,
    onDemand: config.readOnly,
    examine,
    timeline,
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

function warnOfReader(address: EndpointAddress): void {
  const { name, lastError } = address;
  const why = reasonFrom(lastError ?? "unknown error");
  const what =
    lastError instanceof ReaderLags
      ? `The reader ${why}. Its reads go elsewhere until it has caught up.`
      : `The reader ${name} cannot be reached: ${why}. Its reads go elsewhere until it can.`;
  warn("POINTSMAN_READER_UNAVAILABLE", what);
}
