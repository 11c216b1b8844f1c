import type { Resolver } from "node:dns/promises";
import { parseDuration } from "../consistency/levels.ts";
import { ConfigError } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { clusterPattern, type InstanceOf, instancePattern } from "./instance-host.ts";
import type { TopologyDetails, TopologyKind, TopologyOption } from "./topology-option.ts";
import { unknownOption, wrong } from "./validate.ts";

/** How the servers of the cluster become known. */
export interface TopologySettings {
  readonly type: TopologyKind;
  readonly intervalMillis: number;
  /** Where the server of a name is. */
  readonly instance: InstanceOf | undefined;
  /** Who is asked for addresses; `undefined`: the system. */
  readonly resolver: Pick<Resolver, "resolve4" | "resolve6"> | undefined;
}

const types: readonly TopologyKind[] = ["static", "dns", "aurora", "replication"];
const known = ["type", "interval", "instance", "resolver"];
const defaultInterval = "30s";

/** What the settings are read against. */
export interface TopologySurroundings {
  readonly writer: Endpoint;
  readonly readers: readonly Endpoint[];
  readonly mirror: boolean;
  /** The application makes its sockets itself. */
  readonly ownSockets: boolean;
}

/** @throws ConfigError */
export function readTopology(
  option: TopologyOption | undefined,
  { writer, readers, mirror, ownSockets }: TopologySurroundings,
): TopologySettings {
  const details = detailsOf(option ?? "static");
  const { type, interval = defaultInterval, instance, resolver } = details;
  if (type !== "static" && mirror) {
    throw new ConfigError(
      "topology",
      `topology is "${type}", but with mirror there is one server. Leave one of them out.`,
    );
  }
  if (type === "dns" && ownSockets) {
    throw new ConfigError(
      "topology",
      'topology is "dns", but with stream the application connects by itself. Leave one of them out.',
    );
  }
  return Object.freeze({
    type,
    intervalMillis: parseDuration(interval) ?? 0,
    instance:
      type === "aurora" ? auroraInstance(instance, [writer, ...readers]) : instanceOf(instance),
    resolver,
  });
}

function detailsOf(option: TopologyOption): TopologyDetails {
  const expected = `one of ${types.map((type) => `"${type}"`).join(", ")}, or an object with ${known.join(", ")}`;
  if (typeof option === "string" && types.includes(option)) return { type: option };
  if (typeof option !== "object" || option === null || Array.isArray(option)) {
    throw wrong("topology", option, expected);
  }
  const details: TopologyDetails = option;
  for (const key of Object.keys(details)) {
    if (!known.includes(key)) throw unknownOption(key, known, "topology.");
  }
  const { type, interval, instance, resolver } = details;
  if (!types.includes(type)) {
    throw wrong("topology.type", type, `one of ${types.map((one) => `"${one}"`).join(", ")}`);
  }
  if (interval !== undefined && parseDuration(interval) === undefined) {
    throw wrong("topology.interval", interval, 'milliseconds above 0, or a text such as "30s"');
  }
  if (instance !== undefined && type !== "aurora" && type !== "replication") {
    throw new ConfigError(
      "topology.instance",
      `topology.instance is for the types "aurora" and "replication"; the type is "${type}". Leave it out.`,
    );
  }
  if (resolver === undefined) return details;
  if (type !== "dns") {
    throw new ConfigError(
      "topology.resolver",
      `topology.resolver is for the type "dns"; the type is "${type}". Leave it out.`,
    );
  }
  if (typeof resolver?.resolve4 !== "function" || typeof resolver.resolve6 !== "function") {
    throw wrong("topology.resolver", resolver, "a Resolver of node:dns/promises");
  }
  return details;
}

function auroraInstance(
  instance: TopologyDetails["instance"],
  endpoints: readonly Endpoint[],
): InstanceOf {
  const given = instanceOf(instance);
  if (given !== undefined) return given;
  for (const { host } of endpoints) {
    const found = instancePattern(clusterPattern(host) ?? "");
    if (found !== undefined) return found;
  }
  throw new ConfigError(
    "topology.instance",
    `topology is "aurora", but ${endpoints.map(({ host }) => host).join(" and ")} ${endpoints.length === 1 ? "is no cluster endpoint of Aurora that tells" : "are no cluster endpoints of Aurora that tell"} where its instances are. Give topology: { type: "aurora", instance: "?.c1a2b3.eu-west-2.rds.amazonaws.com" }, with ? in place of an instance's name, or a function that gives { host, port } for a name.`,
  );
}

function instanceOf(instance: TopologyDetails["instance"]): InstanceOf | undefined {
  if (instance === undefined || typeof instance === "function") return instance;
  const pattern = typeof instance === "string" ? instancePattern(instance) : undefined;
  if (pattern !== undefined) return pattern;
  throw wrong(
    "topology.instance",
    instance,
    'a host with ? in place of the name, such as "?.c1a2b3.eu-west-2.rds.amazonaws.com", or a function',
  );
}
