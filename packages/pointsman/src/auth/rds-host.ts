/** What the name of an RDS or Aurora endpoint says. */
export interface RdsHost {
  /** Such as `eu-west-2`. */
  readonly region: string;
}

const region = "[a-z]{2,4}(?:-[a-z]+)+-\\d+";
const label = "[a-z0-9-]+";

/**
 * Names as AWS gives them: instance, cluster, reader, custom and proxy endpoints. In China the
 * region stands before `rds` or behind it; in the isolated partitions it is as elsewhere, under
 * other domains.
 */
const forms = [
  // shop.cluster-ro-c1.eu-west-2.rds.amazonaws.com, shop.proxy-c1.us-gov-west-1.rds.amazonaws.com,
  // shop.c1.cn-north-1.rds.amazonaws.com.cn
  `^(?:${label}\\.){2,}(${region})\\.rds(?:-fips)?\\.(?:amazonaws\\.com(?:\\.cn)?|sc2s\\.sgov\\.gov|c2s\\.ic\\.gov|csp\\.hci\\.ic\\.gov|cloud\\.adc-e\\.uk|amazonaws\\.eu)$`,
  // shop.c1.rds.cn-north-1.amazonaws.com.cn, shop.c1.rds.us-iso-east-1.c2s.ic.gov
  `^(?:${label}\\.){2,}rds\\.(${region})\\.(?:amazonaws\\.com(?:\\.cn)?|sc2s\\.sgov\\.gov|c2s\\.ic\\.gov)$`,
].map((form) => new RegExp(form));

/** Whether a name is that of an RDS Proxy, which shares its connections to PostgreSQL among clients. */
export function isRdsProxy(name: string): boolean {
  return rdsHost(name) !== undefined && name.toLowerCase().includes(".proxy-");
}

/**
 * Reads a host name as one of RDS's.
 *
 * @returns `undefined` for any other name
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
 * @see https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html
 *
 * @example
 * rdsHost("shop.cluster-ro-c1.eu-west-2.rds.amazonaws.com"); // { region: "eu-west-2" }
 */
export function rdsHost(name: string): RdsHost | undefined {
  const plain = name.toLowerCase().replace(/\.$/, "");
  for (const form of forms) {
    const found = form.exec(plain)?.[1];
    if (found !== undefined) return { region: found };
  }
  return undefined;
}
