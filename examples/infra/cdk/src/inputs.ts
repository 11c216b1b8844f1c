import type { Node } from "constructs";

/** Where the service runs: who may take on its role. */
export const platforms = ["eks", "ecs", "lambda", "ec2"] as const;
export type Platform = (typeof platforms)[number];

/** What must be known before anything is made. Given as `-c name=value`, or in `cdk.json`. */
export interface Inputs {
  readonly vpcId: string;
  /** Two or more private subnets, in different availability zones. */
  readonly privateSubnetIds: readonly string[];
  /** Of the subnets, in their order. */
  readonly availabilityZones: readonly string[];
  /** The service's own security group: nothing else reaches the database. */
  readonly serviceSecurityGroupId: string;
  readonly platform: Platform;
  /** Default: `shop`. */
  readonly databaseName: string;
  /** As whom the service logs in. Default: `shop_app`. */
  readonly appUser: string;
  /** As whom migrations log in. Default: `shop_migrate`. */
  readonly migrateUser: string;
  /** The class of both instances, such as `r8g.large`. */
  readonly instanceType: string;
}

/**
 * Reads the inputs from the context of the app.
 *
 * @throws Error that names the first input that is missing or cannot be
 */
export function readInputs(node: Node): Inputs {
  const optional = (name: string, otherwise: string): string => {
    const value: unknown = node.tryGetContext(name);
    return value === undefined || value === "" ? otherwise : String(value);
  };
  const required = (name: string): string => {
    const value = optional(name, "");
    if (value === "") throw new Error(`The input ${name} is missing: give it as -c ${name}=…`);
    return value;
  };
  const list = (name: string): string[] =>
    required(name)
      .split(",")
      .map((one) => one.trim());

  const privateSubnetIds = list("privateSubnetIds");
  const availabilityZones = list("availabilityZones");
  if (privateSubnetIds.length < 2 || new Set(availabilityZones).size < 2) {
    throw new Error("Aurora needs privateSubnetIds in two availability zones at least.");
  }
  if (privateSubnetIds.length !== availabilityZones.length) {
    throw new Error("availabilityZones must name the zone of each of privateSubnetIds, in order.");
  }
  const platform = required("platform");
  if (!isPlatform(platform)) {
    throw new Error(`platform must be one of ${platforms.join(", ")}; got ${platform}.`);
  }
  const appUser = optional("appUser", "shop_app");
  const migrateUser = optional("migrateUser", "shop_migrate");
  for (const user of [appUser, migrateUser]) {
    // In a policy, * and ? would stand for other users too.
    if (!/^[a-z_][a-z0-9_]*$/.test(user)) {
      throw new Error(`A database user is made of a-z, 0-9 and _ here; got ${user}.`);
    }
  }
  if (appUser === migrateUser) throw new Error("appUser and migrateUser must be different users.");
  return {
    vpcId: required("vpcId"),
    privateSubnetIds,
    availabilityZones,
    serviceSecurityGroupId: required("serviceSecurityGroupId"),
    platform,
    databaseName: optional("databaseName", "shop"),
    appUser,
    migrateUser,
    instanceType: optional("instanceType", "r8g.large"),
  };
}

function isPlatform(text: string): text is Platform {
  return (platforms as readonly string[]).includes(text);
}
