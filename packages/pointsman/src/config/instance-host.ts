import { rdsHost } from "../auth/rds-host.ts";

/** Where an instance is; without a port it is the writer's. */
export interface InstanceAddress {
  readonly host: string;
  readonly port?: number | undefined;
}

/** Where the instance of a name is; `undefined`: it is not known. */
export type InstanceOf = (name: string) => InstanceAddress | undefined;

/** What AWS allows as the name of an instance: nothing that could lead to another domain. */
const instanceName = /^[a-z][a-z0-9-]*$/i;

/**
 * Reads a pattern such as `?.c1.eu-west-2.rds.amazonaws.com:5432`, with the name of an instance in
 * place of the question mark.
 *
 * @returns `undefined` when it is none
 */
export function instancePattern(pattern: string): InstanceOf | undefined {
  const [, before, after, port] = /^([^\s:/?@]*)\?([^\s:/?@]*)(?::(\d+))?$/.exec(pattern) ?? [];
  if (before === undefined || after === undefined || Number(port ?? 0) > 65_535) return undefined;
  return (name) =>
    instanceName.test(name)
      ? {
          host: `${before}${name}${after}`,
          ...(port === undefined ? {} : { port: Number(port) }),
        }
      : undefined;
}

/**
 * The pattern of a cluster's instances, by the name of one of its endpoints.
 *
 * @returns `undefined` for a host that is no cluster, reader or custom endpoint of Aurora
 *
 * @example
 * clusterPattern("shop.cluster-ro-c1.eu-west-2.rds.amazonaws.com"); // "?.c1.eu-west-2.rds.amazonaws.com"
 */
export function clusterPattern(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (rdsHost(name) === undefined) return undefined;
  const [, rest] = /^[^.]+\.cluster-(?:ro-|custom-)?([a-z0-9]+\..+)$/.exec(name) ?? [];
  return rest === undefined ? undefined : `?.${rest}`;
}
