import { configuredEndpoints } from "pointsman/endpoints";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

beforeEach(() => {
  for (const name of ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE"]) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

type Environment = Readonly<Record<string, string>>;
const endpointsOf = (environment: Environment) => configuredEndpoints({}, environment);

describe("the endpoints of an environment", () => {
  it("are the writer, and then each reader", () => {
    const DATABASE_READER_URL = "postgres://r:6000, postgres://s";
    const found = endpointsOf({ DATABASE_URL: "postgres://app@w/shop", DATABASE_READER_URL });
    expect(found.map(({ side, name, user, database }) => [side, name, user, database])).toEqual([
      ["writer", "w:5432", "app", "shop"],
      ["reader", "r:6000", "app", "shop"],
      ["reader", "s:5432", "app", "shop"],
    ]);
  });

  it.each([
    ["of its URL", { DATABASE_URL: "postgres://app:one@w/shop" }, ["one"]],
    ["percent-encoded", { DATABASE_URL: "postgres://app:a%40b%3A@w/shop" }, ["a@b:"]],
    ["as a parameter", { DATABASE_URL: "postgres://w/shop?password=two" }, ["two"]],
    ["of nowhere", { DATABASE_URL: "postgres://app@w/shop" }, [undefined]],
    [
      "of the reader, and of the writer where that has none",
      {
        DATABASE_URL: "postgres://app:one@w/shop",
        DATABASE_READER_URL: "postgres://app:two@r/shop, postgres://s",
      },
      ["one", "two", "one"],
    ],
  ] as const)("have the password %s", async (_what, environment, passwords) => {
    const found = endpointsOf(environment).map((endpoint) => endpoint.password());
    expect(await Promise.all(found)).toEqual(passwords);
  });

  it("have the password of pg's own environment", async () => {
    vi.stubEnv("PGPASSWORD", "e");
    expect(await endpointsOf({ DATABASE_URL: "postgres://w/shop" })[0]?.password()).toBe("e");
  });

  it("have the password that auth makes", async () => {
    const auth = ({ host, user }: { host: string; user: string }) => `${user} at ${host}`;
    const [writer] = configuredEndpoints({ auth }, { DATABASE_URL: "postgres://app@w/shop" });
    expect(await writer?.password()).toBe("app at w");
  });

  it("have the parameters of their URLs, and TLS from the writer where they say nothing of it", () => {
    const DATABASE_URL = "postgres://w/shop?sslmode=verify-full&options=-c%20a%3Db";
    const DATABASE_READER_URL = "postgres://r,postgres://s?sslmode=allow&x=y";
    const found = endpointsOf({ DATABASE_URL, DATABASE_READER_URL });
    expect(found.map(({ parameters }) => parameters)).toEqual([
      { sslmode: "verify-full", options: "-c a=b" },
      { sslmode: "verify-full" },
      { sslmode: "allow", x: "y" },
    ]);
  });

  it.each([
    ["", undefined],
    ["?sslmode=disable", "disable"],
    ["?sslmode=allow", "allow"],
    ["?sslmode=prefer", "prefer"],
    ["?sslmode=require", "require"],
    ["?sslmode=verify-full", "verify-full"],
    ["?ssl=true", "verify-full"],
    ["?ssl=no-verify", "require"],
    ["?ssl=0", "disable"],
  ])("tell how they are encrypted: %s is %s", (query, sslmode) => {
    const [writer] = endpointsOf({ DATABASE_URL: `postgres://w/shop${query}` });
    expect([writer?.sslmode, writer?.warning]).toEqual([sslmode, undefined]);
  });

  it("tell what pg's own environment says of TLS", () => {
    vi.stubEnv("PGSSLMODE", "no-verify");
    expect(endpointsOf({ DATABASE_URL: "postgres://w/shop" })[0]?.sslmode).toBe("require");
  });

  it("tell what was raised", () => {
    const host = "shop.cluster-c1.eu-west-2.rds.amazonaws.com";
    const [writer] = endpointsOf({ DATABASE_URL: `postgres://${host}/shop?sslmode=require` });
    expect(writer?.sslmode).toBe("verify-full");
    expect(writer?.warning).toContain("sslmode=require of DATABASE_URL is raised to verify-full");
    expect(writer?.roots?.split("BEGIN CERTIFICATE").length).toBeGreaterThan(200);
  });
});
