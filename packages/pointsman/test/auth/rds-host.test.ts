import { describe, expect, it } from "vitest";
import { rdsHost } from "../../src/auth/rds-host.ts";

describe("a host name of RDS tells its region", () => {
  it.each([
    ["an instance", "shop.c0abc.eu-west-2.rds.amazonaws.com", "eu-west-2"],
    ["a cluster", "shop.cluster-c0abc.us-east-1.rds.amazonaws.com", "us-east-1"],
    [
      "a reader endpoint",
      "shop.cluster-ro-c0abc.ap-southeast-4.rds.amazonaws.com",
      "ap-southeast-4",
    ],
    [
      "a custom endpoint",
      "reports.cluster-custom-c0abc.eu-central-2.rds.amazonaws.com",
      "eu-central-2",
    ],
    ["a Multi-AZ cluster", "shop.cluster-c0abc.ca-west-1.rds.amazonaws.com", "ca-west-1"],
    ["a proxy", "shop.proxy-c0abc.il-central-1.rds.amazonaws.com", "il-central-1"],
    ["a proxy's endpoint", "ro.endpoint.proxy-c0abc.eu-west-2.rds.amazonaws.com", "eu-west-2"],
    ["China", "shop.c0abc.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"],
    ["China, the older form", "shop.c0abc.cn-northwest-1.rds.amazonaws.com.cn", "cn-northwest-1"],
    ["GovCloud", "shop.cluster-c0abc.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"],
    ["an isolated partition", "shop.c0abc.rds.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"],
    ["capitals and a final dot", "Shop.C0abc.EU-West-2.RDS.amazonaws.com.", "eu-west-2"],
  ])("%s", (_what, host, region) => {
    expect(rdsHost(host)).toEqual({ region });
  });

  it.each([
    "localhost",
    "127.0.0.1",
    "db.example.com",
    "shop.eu-west-2.rds.amazonaws.com.example.com",
    "rds.amazonaws.com",
    "eu-west-2.rds.amazonaws.com",
    "shop.c0abc.eu-west-2.redshift.amazonaws.com",
    "/var/run/postgresql",
    "",
  ])("%j has none", (host) => {
    expect(rdsHost(host)).toBeUndefined();
  });
});
