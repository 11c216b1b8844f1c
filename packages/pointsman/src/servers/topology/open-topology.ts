import type { Config } from "../../config/config.ts";
import type { Endpoint, Place } from "../../config/endpoint.ts";
import { reasonFrom } from "../../reason-from.ts";
import { warnOfTopology } from "../../telemetry/failover-warnings.ts";
import type { EndpointAddresses } from "../endpoint-addresses.ts";
import type { EndpointClient } from "../endpoint-client.ts";
import { type Examined, NotTheWriter } from "../not-the-writer.ts";
import { clientsOf } from "../pg-internals.ts";
import type { ProbeConnections } from "../probe-connection.ts";
import { retire } from "../retire.ts";
import type { SettlingPool } from "../settling-pool.ts";
import type { WriterAddresses } from "../writer-addresses.ts";
import type { WriterGate } from "../writer-gate.ts";
import { AuroraTopology } from "./aurora-topology.ts";
import { DnsTopology } from "./dns-topology.ts";
import { Inquiry } from "./inquiry.ts";
import type { Member, Topology } from "./member.ts";
import { ReplicationTopology } from "./replication-topology.ts";
import { TopologyWatch } from "./topology-watch.ts";

/** What a topology tells of, and is asked with. */
export interface TopologyParts {
  readonly writer: {
    readonly pool: SettlingPool;
    readonly addresses: WriterAddresses;
    readonly gate: WriterGate;
  };
  /** Absent with one server. */
  readonly reader?: { readonly pool: SettlingPool; readonly addresses: EndpointAddresses };
  readonly probes: ProbeConnections;
  readonly examine: (client: EndpointClient) => Promise<Examined>;
  readonly startOf: (client: EndpointClient) => string;
}

/**
 * Lets the topology of the cluster lead the connections of both sides.
 *
 * @returns `undefined` where there is none beside what was configured
 */
export function openTopology(config: Config, parts: TopologyParts): TopologyWatch | undefined {
  const topology = topologyOf(config);
  if (topology === undefined) return undefined;
  const { writer, reader, probes, examine, startOf } = parts;
  const advise = onceOnly((problem) => warnOfTopology(config.topology.type, problem));
  const apply = (members: readonly Member[]): void => {
    // The configured readers stay: they may be promoted, and they are asked who they are.
    writer.addresses.know([...members, ...config.readers], (place) => config.writer.at(place));
    if (reader === undefined) return;
    const readers = members.filter(({ role }) => role !== "writer");
    const gone = reader.addresses.know(readers, (member) => likeness(config, member).at(member));
    if (gone.length > 0) retire(reader.pool, ({ address }) => gone.includes(address));
  };
  writer.addresses.know(config.readers, (place) => config.writer.at(place));
  return new TopologyWatch({
    topology,
    inquiry: new Inquiry({
      pool: writer.pool,
      addresses: writer.addresses,
      probes,
      examine,
      writerSeen: (startedAt) => suspectOthers(writer, startedAt, startOf),
      advise,
    }),
    intervalMillis: config.topology.intervalMillis,
    apply,
    isUrgent: () => writer.gate.closed,
    failed: (error) => advise(reasonFrom(error)),
  });
}

function topologyOf({ writer, readers, topology }: Config): Topology | undefined {
  const { type, instance, resolver } = topology;
  switch (type) {
    case "static":
      return undefined;
    case "dns":
      return new DnsTopology(writer, readers, resolver);
    case "aurora":
      return instance && new AuroraTopology(instance, writer.port);
    case "replication":
      return new ReplicationTopology(writer, readers, instance);
  }
}

/** The configured reader that a member is most like. */
function likeness({ writer, readers }: Config, { host, port }: Place): Endpoint {
  const same = readers.find((reader) => reader.host === host && reader.port === port);
  return same ?? readers[0] ?? writer;
}

/**
 * A server has turned out to be the writer. Connections to another one are given up: which of them
 * is the writer, the search decides.
 */
function suspectOthers(
  { pool, addresses, gate }: TopologyParts["writer"],
  startedAt: string,
  startOf: TopologyParts["startOf"],
): void {
  if (startedAt === "" || gate.closed) return;
  const clients = clientsOf(pool) as readonly EndpointClient[];
  const leadsElsewhere = clients.some((client) => {
    const start = client.retired ? "" : startOf(client);
    return start !== "" && start !== startedAt;
  });
  if (leadsElsewhere) gate.close(new NotTheWriter(addresses.all[0]?.name ?? "", "outdated"));
}

function onceOnly(tell: (problem: string) => void): (problem: string) => void {
  let told = false;
  return (problem) => {
    if (!told) tell(problem);
    told = true;
  };
}
