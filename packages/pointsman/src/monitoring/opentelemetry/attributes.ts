import type { Attributes } from "@opentelemetry/api";
import { other } from "../bounded-labels.ts";
import type { Label, Labels } from "../metrics.ts";

/**
 * What each label is called in OpenTelemetry: by the semantic conventions, where they have a name.
 * The one source for these; docs/observability.md has the same.
 */
export const labelAttributes = {
  role: ["pointsman.role"],
  reason: ["pointsman.reason"],
  endpoint: ["server.address", "server.port"],
  operation: ["db.operation.name"],
  error: ["error.type"],
  state: ["db.client.connection.state"],
  outcome: ["pointsman.outcome"],
} as const satisfies Readonly<Record<Label, readonly string[]>>;

/** What is known of a pool, and part of everything that it sends. */
export interface PoolNames {
  /** Of the database. */
  readonly namespace: string | undefined;
  readonly poolName: string;
}

/** What all metrics have. */
export function poolAttributes({ namespace, poolName }: PoolNames): Attributes {
  return {
    "db.system.name": "postgresql",
    ...(namespace === undefined ? {} : { "db.namespace": namespace }),
    "db.client.connection.pool.name": poolName,
  };
}

/**
 * What tells the series of one metric apart; a label without a value is left out. The conventions
 * have a word of their own for errors that are not told apart.
 */
export function attributesOf(labels: Labels): Attributes {
  const attributes: Attributes = {};
  for (const [label, value] of Object.entries(labels)) {
    if (value === "") continue;
    if (label === "endpoint") Object.assign(attributes, serverAttributes(value));
    else if (label === "error" && value === other) attributes[labelAttributes.error[0]] = "_OTHER";
    else attributes[labelAttributes[label as Label][0]] = value;
  }
  return attributes;
}

/**
 * A server by the name that it has here: `host:port` or a socket's folder, the address behind it in
 * parentheses where the host has several, and `#2` behind it for the second server that it leads to.
 */
export function serverAttributes(endpoint: string): Attributes {
  if (endpoint === "") return {};
  const [, place = "", peer, nth] = /^(.*?)(?: \((.+)\))?(?:#(\d+))?$/.exec(endpoint) ?? [];
  const colon = place.startsWith("/") ? -1 : place.lastIndexOf(":");
  return {
    "server.address": colon === -1 ? place : place.slice(0, colon),
    ...(colon === -1 ? {} : { "server.port": Number(place.slice(colon + 1)) }),
    ...(peer === undefined ? {} : { "network.peer.address": peer }),
    ...(nth === undefined ? {} : { "pointsman.server": Number(nth) }),
  };
}
