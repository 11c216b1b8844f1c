/** Names like those that RDS gives to the endpoints of an Aurora cluster. */
export interface Hostnames {
  readonly writer: string;
  readonly reader: string;
  /** One for each server, the writer's first. */
  readonly servers: readonly string[];
}

const CLUSTER = "app";
/** What RDS puts into all names of one account and region. */
const ACCOUNT = "c0123456789a";

/**
 * The names of a cluster's endpoints in a region.
 *
 * @example
 * hostnamesIn("eu-west-2", 2).writer; // "app.cluster-c0123456789a.eu-west-2.rds.amazonaws.com"
 */
export function hostnamesIn(region: string, servers: number): Hostnames {
  const domain = region.startsWith("cn-")
    ? `rds.${region}.amazonaws.com.cn`
    : `${region}.rds.amazonaws.com`;
  return {
    writer: `${CLUSTER}.cluster-${ACCOUNT}.${domain}`,
    reader: `${CLUSTER}.cluster-ro-${ACCOUNT}.${domain}`,
    servers: Array.from(
      { length: servers },
      (_, index) => `${CLUSTER}-instance-${index + 1}.${ACCOUNT}.${domain}`,
    ),
  };
}
