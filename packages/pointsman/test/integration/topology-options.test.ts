import { Resolver } from "node:dns/promises";
import { ConfigError, type PoolOptions, type TopologyOption } from "pointsman";
import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import type { TopologySettings } from "../../src/config/topology.ts";

const writer = "postgres://app@shop.cluster-c1a2.eu-west-2.rds.amazonaws.com/shop";
const reader = "postgres://app@shop.cluster-ro-c1a2.eu-west-2.rds.amazonaws.com/shop";
const elsewhere = "postgres://app@db.example.com:6432/shop";

function read(topology: unknown, options: PoolOptions = { writer, reader }): TopologySettings {
  return resolveConfig({ ...options, topology: topology as TopologyOption }, {}).topology;
}

function mistake(topology: unknown, options?: PoolOptions): [string | undefined, string] {
  try {
    read(topology, options);
  } catch (error) {
    if (error instanceof ConfigError) return [error.option, error.message];
    throw error;
  }
  throw new Error("The configuration was expected to be refused.");
}

describe("where instances are", () => {
  it.each([
    [{ writer }, "?.c1a2.eu-west-2.rds.amazonaws.com"],
    [{ writer: reader }, "?.c1a2.eu-west-2.rds.amazonaws.com"],
    [
      { writer: "postgres://app@shop.cluster-custom-c1.cn-north-1.rds.amazonaws.com.cn/shop" },
      "?.c1.cn-north-1.rds.amazonaws.com.cn",
    ],
    [
      { writer: "postgres://app@s.cluster-c1.rds.cn-north-1.amazonaws.com.cn/shop" },
      "?.c1.rds.cn-north-1.amazonaws.com.cn",
    ],
    // A name of the application's own for the writer, and Aurora's for the reader.
    [{ writer: elsewhere, reader }, "?.c1a2.eu-west-2.rds.amazonaws.com"],
  ])("the names of %j tell", (options, pattern) => {
    const { instance } = read("aurora", options);
    expect(instance?.("shop-3")).toEqual({ host: pattern.replace("?", "shop-3") });
  });

  it("a pattern and a function tell, ports included", () => {
    const pattern = read({ type: "aurora", instance: "?.shop.internal:6432" }).instance;
    expect(pattern?.("a")).toEqual({ host: "a.shop.internal", port: 6432 });
    const instance = (name: string) => (name === "a" ? { host: "10.0.0.1", port: 1 } : undefined);
    expect(read({ type: "aurora", instance }).instance).toBe(instance);
  });

  it.each(["a.evil.example.com/", "a:1", "", "ä", "-a", "a b", "a@b"])(
    "a name that is none leads nowhere: %j",
    (name) => expect(read("aurora").instance?.(name)).toBeUndefined(),
  );

  it("without any of it that is a mistake", () => {
    expect(mistake("aurora", { writer: elsewhere })).toEqual([
      "topology.instance",
      'topology is "aurora", but db.example.com is no cluster endpoint of Aurora that tells where its instances are. Give topology: { type: "aurora", instance: "?.c1a2b3.eu-west-2.rds.amazonaws.com" }, with ? in place of an instance\'s name, or a function that gives { host, port } for a name.',
    ]);
    expect(
      mistake("aurora", { writer: "postgres://app@p.proxy-c1a2.eu-west-2.rds.amazonaws.com/shop" }),
    ).toEqual(["topology.instance", expect.stringContaining("is no cluster endpoint")]);
  });
});

it("without the option what was configured is all there is", () => {
  expect(read(undefined).type).toBe("static");
});

it("how often it is looked at can be said in words", () => {
  expect(read("dns").intervalMillis).toBe(30_000);
  expect(read({ type: "dns", interval: "5s" }).intervalMillis).toBe(5000);
});

it("a resolver is taken as it is", () => {
  const resolver = new Resolver();
  expect(read({ type: "dns", resolver }).resolver).toBe(resolver);
});

it.each<[unknown, string, string]>([
  [
    "auroa",
    "topology",
    'topology must be one of "static", "dns", "aurora", "replication", or an object with type, interval, instance, resolver; got "auroa".',
  ],
  [
    7,
    "topology",
    'topology must be one of "static", "dns", "aurora", "replication", or an object with type, interval, instance, resolver; got 7.',
  ],
  [
    { interval: 1 },
    "topology.type",
    'topology.type must be one of "static", "dns", "aurora", "replication"; got undefined.',
  ],
  [
    { type: "dns", intervall: 1 },
    "topology.intervall",
    "There is no option topology.intervall. Did you mean topology.interval?",
  ],
  [
    { type: "dns", interval: "soon" },
    "topology.interval",
    'topology.interval must be milliseconds above 0, or a text such as "30s"; got "soon".',
  ],
  [
    { type: "dns", instance: "?" },
    "topology.instance",
    'topology.instance is for the types "aurora" and "replication"; the type is "dns". Leave it out.',
  ],
  [
    { type: "aurora", instance: "shop" },
    "topology.instance",
    'topology.instance must be a host with ? in place of the name, such as "?.c1a2b3.eu-west-2.rds.amazonaws.com", or a function; got "shop".',
  ],
  [
    { type: "aurora", resolver: new Resolver() },
    "topology.resolver",
    'topology.resolver is for the type "dns"; the type is "aurora". Leave it out.',
  ],
  [
    { type: "dns", resolver: {} },
    "topology.resolver",
    "topology.resolver must be a Resolver of node:dns/promises; got an object.",
  ],
])("a mistake is told by name and remedy: %j", (topology, option, message) => {
  expect(mistake(topology)).toEqual([option, message]);
});

it("what does not go together is refused", () => {
  expect(mistake("dns", { writer: elsewhere, mirror: true })).toEqual([
    "topology",
    'topology is "dns", but with mirror there is one server. Leave one of them out.',
  ]);
  const stream = () => undefined as never;
  expect(mistake("dns", { writer: elsewhere, stream })).toEqual([
    "topology",
    'topology is "dns", but with stream the application connects by itself. Leave one of them out.',
  ]);
});
