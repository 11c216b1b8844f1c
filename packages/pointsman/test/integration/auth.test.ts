import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  type Auth,
  type AuthEndpoint,
  type Pool,
  type PoolOptions,
  passwordFile,
  secretsManager,
} from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({ readers: 1 });

/** A pool on the cluster's endpoints, whose URLs have no password. */
function pool(options: PoolOptions): Pool {
  const { writer, reader } = local.cluster;
  const bare = (url: string) => url.replace(/:[^:@/]+@/, "@");
  // Its connection, too, would be counted.
  return local.pool({
    writer: bare(writer.url),
    reader: bare(reader.url),
    catalog: false,
    ...options,
  });
}

const password = () => new URL(local.cluster.writer.url).password;

describe("auth", () => {
  it("makes the password of each connection, on both sides", async () => {
    const asked: AuthEndpoint[] = [];
    const made = pool({
      auth: async (endpoint) => {
        asked.push(endpoint);
        return password();
      },
    });
    await made.query("create table if not exists written_with_auth (id int)");
    const { rows } = await made.query(`select ${here} as server`);
    expect(rows).toEqual([{ server: "reader1" }]);
    const { writer, reader } = local.cluster;
    const { host } = writer;
    expect(asked).toContainEqual({ host, port: writer.port, user: "app", database: "app" });
    expect(asked).toContainEqual({ host, port: reader.port, user: "app", database: "app" });
  });

  it("is asked again for every new connection", async () => {
    let calls = 0;
    const made = pool({
      reader: undefined,
      max: 3,
      auth: () => {
        calls += 1;
        return password();
      },
    });
    await Promise.all([1, 2, 3].map(() => made.query("select pg_sleep(0.05)")));
    expect(calls).toBe(3);
  });

  it("leaves no password on the connection once it is open", async () => {
    const made = pool({ reader: undefined, auth: password });
    const client = await made.connect();
    try {
      expect(inspect(client, { depth: 9, showHidden: true })).not.toContain(password());
    } finally {
      client.release();
    }
  });

  it("that is refused tells what was tried, and by whom, and not the password", async () => {
    const made = pool({ reader: undefined, auth: () => "wrong-s3cret" });
    const error = await rejection(made.query("select 1"));
    expect(error).toMatchObject({
      name: "PointsmanError",
      code: "AUTHENTICATION_FAILED",
      cause: { code: "28P01" },
    });
    const { port } = local.cluster.writer;
    expect((error as Error).message).toBe(
      `127.0.0.1:${port} refused the login of app by auth: password authentication failed for user "app".`,
    );
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("s3cret");
  });

  it("is tried once more with another password when it says that this may help", async () => {
    const given: string[] = [];
    const auth: Auth = {
      password: () => (given.length === 0 ? "stale" : password()),
      refused: (_endpoint, refused) => {
        given.push(refused);
        return { retry: true, explanation: "" };
      },
    };
    const made = pool({ reader: undefined, auth });
    const { rows } = await made.query("select 1 as one");
    expect([rows, given]).toEqual([[{ one: 1 }], ["stale"]]);
  });

  it("is not tried for ever", async () => {
    let calls = 0;
    const made = pool({
      reader: undefined,
      auth: {
        name: "my vault",
        password: () => `wrong ${++calls}`,
        refused: () => ({ retry: true, explanation: "Look into the vault." }),
      },
    });
    const error = await rejection(made.query("select 1"));
    expect((error as Error).message).toMatch(/by my vault: .* Look into the vault\.$/);
    expect(calls).toBe(2);
  });

  it("never opens more connections than max while it tries again", async () => {
    let calls = 0;
    const made = pool({
      reader: undefined,
      max: 2,
      auth: {
        password: () => (++calls % 2 === 0 ? password() : "stale"),
        refused: () => ({ retry: true, explanation: "" }),
      },
    });
    const counts: number[] = [];
    const watch = setInterval(() => counts.push(made.totalCount), 1);
    onTestFinished(() => clearInterval(watch));
    await Promise.allSettled(Array.from({ length: 30 }, () => made.query("select pg_sleep(0.01)")));
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("the vault is sealed");
      },
      "the vault is sealed",
    ],
    ["rejects", () => Promise.reject(new Error("the vault is sealed")), "the vault is sealed"],
    ["gives nothing", () => undefined as unknown as string, "undefined"],
    ["gives an empty text", () => "", "an empty text"],
  ])("that %s makes an error that says so", async (_what, make, reason) => {
    const made = pool({ reader: undefined, auth: make });
    const error = await rejection(made.query("select 1"));
    expect(error).toMatchObject({ code: "PASSWORD_UNAVAILABLE" });
    expect((error as Error).message).toContain(reason);
    expect((error as Error).message).toContain(`127.0.0.1:${local.cluster.writer.port}`);
  });

  it("that makes no password leaves no connection behind", async () => {
    const { writer } = local.cluster;
    const made = pool({
      reader: undefined,
      auth: () => {
        throw new Error("the vault is sealed");
      },
    });
    const before = writer.connections;
    await rejection(made.query("select 1"));
    await until("the connection is closed", () => writer.connections <= before);
    expect(made.totalCount).toBe(0);
  });

  it("that fails for the reader alone sends its reads to the writer", async () => {
    const { port } = local.cluster.reader;
    const made = pool({
      auth: (endpoint) => (endpoint.port === port ? "wrong" : password()),
    });
    const { rows } = await made.query(`select ${here} as server`);
    expect(rows).toEqual([{ server: "writer" }]);
    expect(made.stats().reasons["reader-unavailable"]).toBe(1);
  });

  it("may be told to open connections slowly", async () => {
    const made = pool({
      reader: undefined,
      max: 6,
      auth: { password, connectionsPerSecond: 20 },
    });
    const start = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => made.query("select pg_sleep(0.4)")));
    // Two at once, then one each 50 ms and a little.
    expect(performance.now() - start).toBeGreaterThan(150 + 400);
  });

  it("times out while it waits to open a connection, as pg.Pool does", async () => {
    const made = pool({
      reader: undefined,
      connectionTimeoutMillis: 200,
      auth: { password, connectionsPerSecond: 0.5 },
    });
    await made.query("select 1");
    const held = await made.connect();
    const error = await rejection(made.query("select 1"));
    held.release();
    expect((error as Error).message).toBe("Connection terminated due to connection timeout");
    expect(made.totalCount).toBe(1);
  });

  it("is answered while it waits to open a connection, when the pool is ended and waits no longer", async () => {
    const made = pool({
      reader: undefined,
      endTimeout: 100,
      auth: { password, connectionsPerSecond: 0.5 },
    });
    await made.query("select 1");
    const held = await made.connect();
    const waiting = rejection(made.query("select 1"));
    await made.end();
    held.release();
    expect(String(await waiting)).toContain("endTimeout");
  });
});

describe("a password in a file", () => {
  it("is read for each connection, so that a new one counts at once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-auth-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "password");
    writeFileSync(file, "of yesterday\n");
    const made = pool({ reader: undefined, auth: passwordFile(file) });
    const error = await rejection(made.query("select 1"));
    expect((error as Error).message).toContain(`The password is the one in ${file}.`);
    writeFileSync(file, `${password()}\n`);
    expect((await made.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("that is missing is told", async () => {
    const made = pool({ reader: undefined, auth: passwordFile("/nowhere/password") });
    const error = await rejection(made.query("select 1"));
    expect(error).toMatchObject({ code: "PASSWORD_UNAVAILABLE" });
    expect((error as Error).message).toContain("ENOENT: no such file or directory");
  });
});

describe("a secret of AWS Secrets Manager", () => {
  it("is read once, and again after a refusal: rotation needs no restart", async () => {
    await local.setUp("create user rotated password 'first'");
    let secret = "first";
    let reads = 0;
    const made = pool({
      reader: undefined,
      user: "rotated",
      writer: local.cluster.writer.url.replace(/\/\/[^@]+@/, "//rotated@"),
      max: 2,
      auth: secretsManager({
        secretId: "shop/database",
        read: async () => {
          reads += 1;
          return JSON.stringify({ username: "rotated", password: secret });
        },
      }),
    });
    await Promise.all([made.query("select pg_sleep(0.05)"), made.query("select 1")]);
    expect(reads).toBe(1);
    await local.setUp("alter user rotated password 'second'");
    secret = "second";
    const held = await Promise.all([made.connect(), made.connect()]);
    for (const client of held) client.release(true);
    expect((await made.query("select current_user as name")).rows).toEqual([{ name: "rotated" }]);
    expect(reads).toBe(2);
  });

  it.each([
    ["", "The secret shop/database has no text."],
    ['{"username":"app"}', 'The secret shop/database is JSON without the field "password".'],
  ])("that is %j is told", async (secret, message) => {
    const made = pool({
      reader: undefined,
      auth: secretsManager({ secretId: "shop/database", read: async () => secret }),
    });
    expect(await rejection(made.query("select 1"))).toMatchObject({
      code: "PASSWORD_UNAVAILABLE",
      message,
    });
  });
});
