import { createRequire } from "node:module";
import { inspect } from "node:util";
import originalPg, * as original from "pg";
import { Pool as PointsmanPool } from "pointsman";
import * as routed from "pointsman/pg";
import driver, { Client, Pool, withOptions } from "pointsman/pg";
import { describe, expect, it } from "vitest";

// The compiler holds the module against the types of pg: its own Client and Pool take more.
driver satisfies Omit<typeof originalPg, "native" | "Events" | "ClientBase">;
Client satisfies typeof original.Client;
Pool satisfies typeof original.Pool;
const { connect, query, end } = {} as Client satisfies original.Client;
[connect, query, end] satisfies unknown[];

/** All names of an object and its prototypes, but for those that every object has. */
function membersOf(value: object): string[] {
  const names = new Set<string>();
  for (let at = value; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return [...names];
}

describe("the module", () => {
  it("exports all that pg exports, by import and as its default", () => {
    expect(Object.keys(routed)).toEqual(expect.arrayContaining(Object.keys(original)));
    expect(Object.keys(driver)).toEqual(expect.arrayContaining(Object.keys(originalPg)));
    expect(Object.keys(driver)).toEqual(
      expect.arrayContaining(Object.keys(createRequire(import.meta.url)("pg"))),
    );
  });

  it("exports pg's own of what does not route", () => {
    const { Client: _c, Pool: _p, ...own } = originalPg as unknown as Record<string, unknown>;
    expect(driver).toMatchObject(own);
    for (const [name, value] of Object.entries(own)) expect(Reflect.get(driver, name)).toBe(value);
  });

  it("has no native binding", () => {
    expect([driver.native, routed.native]).toEqual([null, null]);
  });

  it("has the library's Pool", () => {
    expect([Pool, driver.Pool]).toEqual([PointsmanPool, PointsmanPool]);
  });
});

describe("a Client", () => {
  it("is one of pg's, and has all that they have", () => {
    const config = { host: "db.example.com", port: 5433, database: "shop", user: "app" };
    const [own, theirs] = [new Client(config), new originalPg.Client(config)];
    expect(own).toBeInstanceOf(originalPg.Client);
    expect(membersOf(own)).toEqual(expect.arrayContaining(membersOf(theirs)));
  });

  it.each([
    ["a config", { host: "db.example.com", port: 5433, database: "shop", user: "app" }],
    ["a URL", "postgres://app:secret@db.example.com:5433/shop"],
    ["a config with a URL", { connectionString: "postgres://app:secret@db.example.com:5433/shop" }],
  ])("tells of itself what pg's tells, made of %s", (_name, config) => {
    const seen = ({ host, port, database, user, password, ssl }: original.Client): unknown => ({
      host,
      port,
      database,
      user,
      password,
      ssl,
    });
    expect(seen(new Client(config))).toEqual(seen(new originalPg.Client(config)));
  });

  it("shows no password to whoever prints it", () => {
    const client = new Client("postgres://app:open-sesame@db.example.com:5433/shop");
    expect(inspect(client, { depth: 20 })).not.toContain("open-sesame");
  });

  it("takes its configuration from the environment where it is given none", () => {
    const before = process.env["DATABASE_URL"];
    process.env["DATABASE_URL"] = "postgres://app@from-environment.example.com/shop";
    try {
      expect(new Client().host).toBe("from-environment.example.com");
    } finally {
      if (before === undefined) delete process.env["DATABASE_URL"];
      else process.env["DATABASE_URL"] = before;
    }
  });
});

describe("withOptions", () => {
  it("makes a module whose classes have them besides their own", async () => {
    const configured = withOptions({ max: 3, application_name: "shop" });
    const client = new configured.Client({ host: "db.example.com" });
    const pool = new configured.Pool({ host: "db.example.com" });
    await pool.end();
    expect([
      client.host,
      client instanceof Client,
      pool.options.max,
      pool.options.host,
      pool instanceof Pool,
      configured.types,
    ]).toEqual(["db.example.com", true, 3, "db.example.com", true, originalPg.types]);
  });

  it("says where the writer is in place of the ORM, if it says so", () => {
    const configured = withOptions({ writer: "postgres://app@writer.example.com/shop" });
    const client = new configured.Client({ host: "localhost", port: 5432 });
    expect([client.host, client.database]).toEqual(["writer.example.com", "shop"]);
  });
});
