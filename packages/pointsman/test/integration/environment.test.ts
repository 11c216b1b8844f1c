import { afterEach, describe, expect, it, vi } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import { localCluster, newMark } from "../support/local-cluster.ts";

const local = localCluster({ readers: 1 });

describe("what the code says", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([
    [{ ca: "a certificate" }, { ca: "a certificate" }],
    [true, {}],
    [false, false],
  ])("of ssl goes before both URLs of the environment: %j", (ssl, expected) => {
    const { writer, readers } = resolveConfig(
      { ssl },
      {
        DATABASE_URL: "postgres://app@db.example.com/shop?sslmode=require",
        DATABASE_READER_URL:
          "postgres://app@one.example.com/shop?sslmode=verify-full, postgres://app@two.example.com/shop",
      },
    );
    const given = [writer, ...readers].map(({ client }) => client.ssl);
    expect(given).toEqual([expected, expected, expected]);
  });

  it("of the database may differ from what a reader's URL says, which does not count", () => {
    const url = (database: string) => `postgres://app@db.example.com/${database}`;
    const environment = { DATABASE_URL: url("shop"), DATABASE_READER_URL: url("elsewhere") };
    expect(() => resolveConfig({}, environment)).toThrow('names the database "elsewhere"');
    const { writer, readers } = resolveConfig({ database: "mine" }, environment);
    expect([writer, ...readers].map(({ client }) => client.database)).toEqual(["mine", "mine"]);
  });

  it("of user, password and database goes before both URLs of the environment", async () => {
    const { writer, reader } = local.cluster;
    const { username, password, pathname } = new URL(writer.url);
    const other = (url: string): string => {
      const changed = new URL(url);
      changed.username = "nobody";
      changed.password = "wrong";
      changed.pathname = "/nowhere";
      return changed.href;
    };
    vi.stubEnv("DATABASE_URL", other(writer.url));
    vi.stubEnv("DATABASE_READER_URL", other(reader.url));
    const pool = local.pool({
      reader: undefined,
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: pathname.slice(1),
      writer: undefined,
    });
    const text = "select current_user::text as login, current_database()::text as name";
    const expected = { login: decodeURIComponent(username), name: pathname.slice(1) };
    const mark = newMark();
    for (const target of ["writer", "reader"] as const) {
      const { rows } = await pool.query({ text: `${mark} ${text}`, target });
      expect(rows).toEqual([expected]);
    }
    expect(local.reached(mark)).toEqual(["writer", expect.stringMatching(/^reader/)]);
  });
});
