import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { identifier } from "../src/identifier.ts";
import { type IamCluster, type IamEndpoint, type IamGateway, startCluster } from "../src/index.ts";
import { connected, until } from "./helpers.ts";
import { forge, keysFrom, logIn, refusal, tokenFor } from "./iam-helpers.ts";

let cluster: IamCluster;
let iam: IamGateway;
let superuserPassword: string;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2, iam: true, settings: { max_connections: "300" } });
  iam = cluster.iam;
  superuserPassword = new URL(cluster.writer.url).password;
});
afterAll(() => cluster?.stop());

const asSuperuser = (text: string) => connected(cluster.writer.url, (client) => client.query(text));

async function ask(client: pg.Client, text: string): Promise<unknown> {
  const { rows } = await client.query({ text, rowMode: "array" });
  return rows[0]?.[0];
}

/** What one statement gives through an endpoint, by a login with a token. */
async function askAt(endpoint: IamEndpoint, text: string, user?: string): Promise<unknown> {
  const client = await logIn(iam, endpoint, user === undefined ? {} : { user });
  try {
    return await ask(client, text);
  } finally {
    await client.end();
  }
}

const pamFailure = (user: string = iam.user) => ({
  severity: "FATAL",
  code: "28000",
  message: `PAM authentication failed for user "${user}"`,
});

describe("with the SDK's signer and default chain", () => {
  test("pools of pg write on the writer and read on the readers", async () => {
    const pool = ({ pgConfig, ...endpoint }: IamEndpoint) =>
      new pg.Pool({ ...pgConfig, password: () => tokenFor(iam, { ...endpoint }) });
    const { hostname, port } = iam.writer;
    expect(iam.writer.pgConfig).toMatchObject({ host: hostname, port, user: "app_iam" });
    const writer = pool(iam.writer);
    const reader = pool(iam.reader);
    try {
      await writer.query("CREATE TABLE orders (id int PRIMARY KEY)");
      await writer.query("INSERT INTO orders VALUES (1), (2)");
      await cluster.waitForReplay();
      expect((await reader.query("SELECT id FROM orders ORDER BY id")).rows).toEqual([
        { id: 1 },
        { id: 2 },
      ]);
      await expect(reader.query("DELETE FROM orders")).rejects.toMatchObject({ code: "25006" });
    } finally {
      await Promise.all([writer.end(), reader.end()]);
    }
  });

  test("each endpoint leads where its name says", async () => {
    const name = "SHOW cluster_name";
    expect(await askAt(iam.writer, name)).toBe("writer");
    const read = [await askAt(iam.reader, name), await askAt(iam.reader, name)];
    expect(read.sort()).toEqual(["reader1", "reader2"]);
    for (const [index, server] of cluster.servers.entries()) {
      expect(await askAt(iam.servers[index] as IamEndpoint, name)).toBe(server.name);
    }
  });

  test("the user is no superuser and owns the database", async () => {
    const client = await logIn(iam, iam.writer);
    try {
      expect(await ask(client, "SELECT current_user")).toBe("app_iam");
      expect(await ask(client, "SHOW is_superuser")).toBe("off");
      await client.query("CREATE SCHEMA mine; CREATE TABLE mine.t (); DROP SCHEMA mine CASCADE");
      await expect(client.query("CREATE ROLE another")).rejects.toMatchObject({ code: "42501" });
    } finally {
      await client.end();
    }
  });

  test("a session outlives its token", async () => {
    const client = await logIn(iam, iam.writer);
    try {
      iam.expireTokensAfter(0);
      iam.skewClock(3_600_000);
      expect(await ask(client, "SELECT 1")).toBe(1);
    } finally {
      iam.expireTokensAfter(undefined);
      iam.skewClock(0);
      await client.end();
    }
  });

  test("a token serves for more than one login", async () => {
    const { hostname, port } = iam.writer;
    const token = { hostname, port, user: iam.user, region: iam.region, expiresIn: 777 };
    const password = await forge({ ...token, keys: await keysFrom(iam) });
    const { distinctTokens, logins } = iam.seen;
    for (const _ of [1, 2, 3]) await (await logIn(iam, iam.writer, { password })).end();
    expect(iam.seen.logins).toBe(logins + 3);
    expect(iam.seen.distinctTokens).toBe(distinctTokens + 1);
  });

  test("200 logins at once all get in", async () => {
    const before = iam.seen;
    const logins = await Promise.all(
      [iam.writer, iam.reader].map(async (endpoint) => {
        const password = await tokenFor(iam, endpoint);
        return Array.from({ length: 100 }, () => logIn(iam, endpoint, { password }));
      }),
    );
    const clients = await Promise.all(logins.flat());
    try {
      const names = await Promise.all(clients.map((client) => ask(client, "SHOW cluster_name")));
      expect(new Set(names)).toEqual(new Set(["writer", "reader1", "reader2"]));
      expect(iam.seen.logins - before.logins).toBe(200);
      expect(iam.seen.connections - before.connections).toBe(200);
      expect(iam.seen.tls - before.tls).toBe(200);
      expect(iam.writer.connections + iam.reader.connections).toBe(200);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
    await until("all are gone", () => iam.writer.connections + iam.reader.connections === 0);
  });

  test("traffic is counted per endpoint, decrypted", async () => {
    const client = await logIn(iam, iam.writer);
    const { flights, bytesToClient, bytesToServer, accepted } = iam.writer;
    await client.query("SELECT repeat('x', 1000000)");
    expect(iam.writer.flights - flights).toBe(1);
    expect(iam.writer.bytesToClient - bytesToClient).toBeGreaterThan(1_000_000);
    expect(iam.writer.bytesToClient - bytesToClient).toBeLessThan(1_001_000);
    expect(iam.writer.bytesToServer - bytesToServer).toBeLessThan(100);
    await client.end();
    expect(iam.writer.accepted).toBe(accepted);
  });
});

describe("users", () => {
  const odd = ["with space", "a@b", "100%", `q"'\\`, "ünï-çødé 名", "A/b?c=d&e#f", "x".repeat(63)];
  test.each(odd)("the name %s gets in by token", async (user) => {
    await asSuperuser(`CREATE ROLE ${identifier(user)} LOGIN IN ROLE rds_iam`);
    expect(await askAt(iam.writer, "SELECT current_user", user)).toBe(user);
    expect(await refusal(logIn(iam, iam.writer, { user, password: "x" }))).toEqual(
      pamFailure(user),
    );
  });

  test("a user that was granted rds_iam after the start gets in, also on the readers", async () => {
    await asSuperuser("CREATE ROLE late LOGIN; GRANT rds_iam TO late");
    await cluster.waitForReplay();
    expect(await askAt(iam.writer, "SELECT current_user", "late")).toBe("late");
    expect(await askAt(iam.reader, "SELECT current_user", "late")).toBe("late");
  });

  test("a member of a role in rds_iam needs a token too, whatever password it has", async () => {
    await asSuperuser(
      `CREATE ROLE team ROLE app_iam; CREATE ROLE squad NOINHERIT IN ROLE team;
       CREATE ROLE nested LOGIN PASSWORD 'secret' IN ROLE squad; GRANT rds_iam TO team`,
    );
    expect(await askAt(iam.writer, "SELECT current_user", "nested")).toBe("nested");
    const byPassword = logIn(iam, iam.writer, { user: "nested", password: "secret" });
    expect(await refusal(byPassword)).toEqual(pamFailure("nested"));
    const past = new pg.Client(cluster.writer.url.replace(/app:[^@]*/, "nested:secret"));
    await expect(past.connect()).rejects.toMatchObject({ code: "28000" });
  });

  test("a user without rds_iam logs in with a password, over TLS and without", async () => {
    await asSuperuser("CREATE ROLE plain LOGIN PASSWORD 'secret'");
    const right = { user: "plain", password: "secret" };
    const before = iam.seen;
    const client = await logIn(iam, iam.writer, right);
    expect(await ask(client, "SELECT current_user")).toBe("plain");
    await client.end();
    const open = new pg.Client({ ...iam.writer.pgConfig, ...right, ssl: false });
    await open.connect();
    expect(await ask(open, "SELECT current_user")).toBe("plain");
    await open.end();
    expect(iam.seen).toEqual({
      ...before,
      connections: before.connections + 2,
      tls: before.tls + 1,
      plain: before.plain + 1,
    });
    expect(await refusal(logIn(iam, iam.writer, { ...right, password: "wrong" }))).toEqual({
      severity: "FATAL",
      code: "28P01",
      message: 'password authentication failed for user "plain"',
    });
    expect(await refusal(logIn(iam, iam.writer, { user: "plain" }))).toMatchObject({
      code: "28P01",
    });
  });

  test("the superuser has its password until it is granted rds_iam, and the cluster goes on", async () => {
    const name = { user: "app" };
    const password = superuserPassword;
    const control = await logIn(iam, iam.writer, { ...name, password });
    try {
      await control.query("GRANT rds_iam TO app");
      expect(await refusal(logIn(iam, iam.writer, { ...name, password }))).toEqual(
        pamFailure("app"),
      );
      expect(await askAt(iam.writer, "SELECT current_user", "app")).toBe("app");
      // A connection that the cluster has to open anew.
      await control.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pointsman-local'",
      );
      await until("the cluster has noticed", () =>
        cluster.waitForReplay().then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await control.query("REVOKE rds_iam FROM app");
      await control.end();
    }
  });

  test("errors of the server after the login are the server's own", async () => {
    expect(await refusal(logIn(iam, iam.writer, { database: "nowhere" }))).toEqual({
      severity: "FATAL",
      code: "3D000",
      message: 'database "nowhere" does not exist',
    });
    expect(await refusal(logIn(iam, iam.writer, { user: "nobody", password: "x" }))).toMatchObject({
      code: "28P01",
    });
  });
});

describe("a login is refused, and the cause counted,", () => {
  afterEach(() => {
    iam.expireTokensAfter(undefined);
    iam.skewClock(0);
    iam.throttle(undefined);
    iam.accept(iam.user);
    iam.credentials.expiresIn(3_600_000);
  });

  async function refused(cause: string, password?: string): Promise<void> {
    const before = iam.seen;
    const login = logIn(iam, iam.writer, password === undefined ? {} : { password });
    expect(await refusal(login)).toEqual(pamFailure());
    const { refusals, logins } = iam.seen;
    const count = (all: Readonly<Record<string, number>>) => all[cause] ?? 0;
    expect(count(refusals)).toBe(count(before.refusals) + 1);
    expect(logins).toBe(before.logins);
  }

  const right = async () => ({
    hostname: iam.writer.hostname,
    port: iam.writer.port,
    user: iam.user,
    region: iam.region,
    keys: await keysFrom(iam),
  });

  test("with a wrong signature", async () => {
    const token = await right();
    await refused(
      "wrong-signature",
      await forge({ ...token, keys: { ...token.keys, secretAccessKey: "wrong" } }),
    );
  });

  test("with a token for another host, port, user or region", async () => {
    const token = await right();
    await refused("wrong-host", await tokenFor(iam, { ...iam.reader, port: iam.writer.port }));
    await refused("wrong-host", await tokenFor(iam, { hostname: "127.0.0.1", port: token.port }));
    await refused("wrong-port", await forge({ ...token, port: iam.reader.port }));
    await refused("wrong-user", await tokenFor(iam, iam.writer, "other"));
    await refused("wrong-region", await forge({ ...token, region: "us-east-1" }));
  });

  test("with a token that is older than the gateway takes it", async () => {
    iam.expireTokensAfter(60_000);
    const token = await right();
    const old = new Date(Date.now() - 61_000);
    await refused("expired", await forge({ ...token, date: old }));
    await (await logIn(iam, iam.writer)).end();
  });

  test("when the gateway's clock is 16 minutes ahead, or 6 minutes behind", async () => {
    iam.skewClock(16 * 60_000);
    await refused("expired");
    iam.skewClock(-6 * 60_000);
    await refused("from-the-future");
    iam.skewClock(-4 * 60_000);
    await (await logIn(iam, iam.writer)).end();
  });

  test("with a token that is good for more than 900 seconds", async () => {
    await refused("lifetime-too-long", await forge({ ...(await right()), expiresIn: 901 }));
  });

  test("with a key that was revoked, while one that was only replaced goes on", async () => {
    const password = await tokenFor(iam, iam.writer);
    iam.credentials.rotate();
    await (await logIn(iam, iam.writer, { password })).end();
    await (await logIn(iam, iam.writer)).end();
    iam.credentials.rotate({ revoke: true });
    await refused("unknown-key", password);
    await (await logIn(iam, iam.writer)).end();
  });

  test("with credentials that have ended before the token has", async () => {
    iam.credentials.expiresIn(200);
    const keys = await keysFrom(iam);
    const password = await forge({ ...(await right()), keys });
    await until("they have ended", () => Date.now() >= Number(keys.expiration));
    await refused("credentials-expired", password);
  });

  test("with garbage, or nothing", async () => {
    await refused("malformed", "garbage");
    await refused("malformed", "x".repeat(60_000));
    await refused("empty", "");
  });

  test("when the gateway was told to reject the user", async () => {
    iam.reject(iam.user);
    await refused("rejected-user");
    iam.accept(iam.user);
    await (await logIn(iam, iam.writer)).end();
  });

  test("beyond the number of logins in a second", async () => {
    iam.throttle(0);
    await refused("throttled");
    iam.throttle(undefined);
    await (await logIn(iam, iam.writer)).end();
  });

  test("without TLS, by the server's own words", async () => {
    const before = iam.seen;
    const password = await tokenFor(iam, iam.writer);
    const client = new pg.Client({ ...iam.writer.pgConfig, password, ssl: false });
    await expect(client.connect()).rejects.toMatchObject({
      severity: "FATAL",
      code: "28000",
      message:
        'pg_hba.conf rejects connection for host "127.0.0.1", user "app_iam", database "app", no encryption',
    });
    expect(iam.seen.plain).toBe(before.plain + 1);
    expect(iam.seen.refusals["plain-text"]).toBe((before.refusals["plain-text"] ?? 0) + 1);
  });

  test("past the gateway, on every port of the servers", async () => {
    const password = await tokenFor(iam, iam.writer);
    for (const { url, direct } of [
      ...cluster.servers,
      { ...cluster.writer, direct: cluster.reader },
    ]) {
      for (const way of [url, direct.url]) {
        const { hostname: host, port } = new URL(way);
        const client = new pg.Client({
          host,
          port: +port,
          user: iam.user,
          database: "app",
          password,
        });
        await expect(client.connect()).rejects.toMatchObject({ code: "28000" });
      }
    }
  });
});

test.each([
  ["other-host", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["expired", "CERT_HAS_EXPIRED"],
] as const)("the certificate %s makes a verifying client refuse", async (kind, code) => {
  const { logins } = iam.seen;
  iam.certificate(kind);
  try {
    await expect(logIn(iam, iam.writer)).rejects.toMatchObject({ code });
    expect(iam.seen.logins).toBe(logins);
  } finally {
    iam.certificate("valid");
  }
  await (await logIn(iam, iam.writer)).end();
});

test.each([
  () => iam.expireTokensAfter(-1),
  () => iam.expireTokensAfter(Number.NaN),
  () => iam.skewClock(Number.NaN),
  () => iam.throttle(-1),
])("a setting that makes no sense is refused: %s", (set) => {
  expect(set).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});

const psql = spawnSync("psql", ["--version"]).status === 0;
test.skipIf(!psql)("psql takes the URL as it is (needs a psql)", async () => {
  const env = { ...process.env, PGPASSWORD: await tokenFor(iam, iam.reader) };
  const answers = spawn("psql", [iam.reader.url, "-Atc", "SELECT current_user"], { env });
  expect(await text(answers.stdout)).toBe("app_iam\n");
  const refused = spawn("psql", [iam.writer.url, "-c", ""], { env });
  expect(await text(refused.stderr)).toContain('PAM authentication failed for user "app_iam"');
});

test("neither what can be printed nor the servers' logs have a token or key in them", async () => {
  const keys = await keysFrom(iam);
  const token = await tokenFor(iam, iam.writer);
  await (await logIn(iam, iam.writer, { password: token })).end();
  await refusal(logIn(iam, iam.reader, { password: token }));
  const printed = [
    inspect(cluster, { depth: 20, showHidden: true }),
    JSON.stringify(cluster),
    ...cluster.servers.map((server) => server.log()),
  ].join("\n");
  const signature = token.slice(token.indexOf("X-Amz-Signature=") + 16).slice(0, 64);
  const session = keys.sessionToken ?? "none";
  for (const secret of [keys.secretAccessKey, session, encodeURIComponent(session), signature]) {
    expect(printed).not.toContain(secret);
  }
});
