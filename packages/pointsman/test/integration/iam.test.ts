import { setTimeout as delay } from "node:timers/promises";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type IamOptions, iam, type Pool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { here } from "../support/local-cluster.ts";
import { runProgramIn } from "../support/run-program.ts";
import { rejection } from "../support/waiting.ts";

type IamCluster = Cluster & { readonly iam: NonNullable<Cluster["iam"]> };

let cluster: IamCluster;
let gateway: IamCluster["iam"];

beforeAll(async () => {
  cluster = (await startCluster({ readers: 2, iam: true })) as IamCluster;
  gateway = cluster.iam;
  Object.assign(process.env, gateway.environment);
});
afterAll(() => cluster.stop());
afterEach(() => {
  gateway.expireTokensAfter(undefined);
  gateway.skewClock(0);
  gateway.throttle(undefined);
  gateway.accept(gateway.user);
  gateway.certificate("valid");
  gateway.credentials.fail(false);
  gateway.credentials.expiresIn(6 * 3_600_000);
});

/** A pool by the environment alone, but for what a test says. */
function pool(options: PoolOptions = {}): Pool {
  // Its connection, too, would be counted.
  const made = createPool({ catalog: false, ...options });
  onTestFinished(() => made.end().catch(() => {}));
  return made;
}

const writerOnly = (options: PoolOptions = {}) => pool({ writer: gateway.writer.url, ...options });
const withIam = (options: IamOptions) => writerOnly({ auth: iam(options) });
const serverOf = async (made: Pool, sql = `select ${here} as server`): Promise<string> =>
  (await made.query<{ server: string }>(sql)).rows[0]?.server ?? "";

/** What the gateway has counted since it was asked for the last time. */
function sinceNow() {
  const before = gateway.seen;
  const requests = gateway.credentials.requests;
  return () => {
    const { logins, refusals, distinctTokens, peakPerSecond } = gateway.seen;
    const causes = Object.entries(refusals).map(([cause, count]) => [
      cause,
      count - (before.refusals[cause as keyof typeof refusals] ?? 0),
    ]);
    return {
      logins: logins - before.logins,
      refusals: Object.fromEntries(causes.filter(([, count]) => count !== 0)),
      tokens: distinctTokens - before.distinctTokens,
      requests: gateway.credentials.requests - requests,
      peakPerSecond,
    };
  };
}

describe("IAM, with nothing but the environment", () => {
  it("writes to the writer and reads from a reader, over TLS, in a process of its own", async () => {
    const seen = sinceNow();
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: _u, ...own } = process.env;
    const env = { ...own, ...gateway.environment };
    const { status, stdout, stderr } = await runProgramIn(env, "from-the-environment");
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      written: { server: "writer" },
      read: { server: expect.stringMatching(/^reader/), user: gateway.user },
    });
    expect(seen()).toMatchObject({ refusals: {}, requests: 1 });
    expect(gateway.seen.plain).toBe(0);
  });

  it("spreads over the readers", async () => {
    const made = pool({ readerPool: { max: 4 } });
    const servers = await Promise.all(
      Array.from({ length: 4 }, () => serverOf(made, `select ${here} as server, pg_sleep(0.2)`)),
    );
    expect(new Set(servers)).toEqual(new Set(["reader1", "reader2"]));
  });

  it("cancels a statement through the gateway", async () => {
    const controller = new AbortController();
    const made = pool();
    const slow = made.query({ text: "select pg_sleep(20)", signal: controller.signal } as never);
    const start = performance.now();
    setTimeout(() => controller.abort(), 300);
    expect(await rejection(slow)).toMatchObject({ name: "AbortError" });
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("leaves a user without rds_iam its password", async () => {
    const { username, password } = new URL(cluster.writer.url);
    const url = new URL(gateway.writer.url);
    url.username = username;
    url.password = password;
    const before = process.env["DATABASE_AUTH"];
    delete process.env["DATABASE_AUTH"];
    onTestFinished(() => {
      process.env["DATABASE_AUTH"] = before;
    });
    expect(await serverOf(pool({ writer: url.href }))).toBe("writer");
  });
});

describe("tokens", () => {
  it("of many connections at once are one, and the credentials are asked for once", async () => {
    const seen = sinceNow();
    const made = writerOnly({
      max: 40,
      auth: iam({ connectionsPerSecond: Number.POSITIVE_INFINITY }),
    });
    await Promise.all(Array.from({ length: 40 }, () => made.query("select pg_sleep(0.5)")));
    expect(made.totalCount).toBe(40);
    expect(seen()).toMatchObject({ logins: 40, tokens: 1, requests: 1, refusals: {} });
  });

  it("that end early are replaced while connections come and go for several of their lives", async () => {
    gateway.expireTokensAfter(2_000);
    const seen = sinceNow();
    const made = pool({ maxUses: 5, max: 3, idleTimeoutMillis: 50 });
    const servers = new Set<string>();
    // Two endpoints, and a new token for each about every two seconds: four lives.
    while (seen().tokens < 8 || servers.size < 2) {
      await made.query("create table if not exists outlived (id int)");
      servers.add(await serverOf(made));
      await delay(20);
    }
    const { logins, tokens, refusals } = seen();
    expect(logins).toBeGreaterThanOrEqual(tokens);
    expect(Object.keys(refusals)).toEqual(["expired"]);
    expect(servers).toEqual(new Set(["reader1", "reader2"]));
  });

  it("are never refused when they are used for a part of their life only", async () => {
    gateway.expireTokensAfter(3_000);
    const seen = sinceNow();
    const made = writerOnly({ maxUses: 1, auth: iam({ reuseMillis: 1_000 }) });
    const until = performance.now() + 5_000;
    while (performance.now() < until) {
      await made.query("select 1");
      await delay(50);
    }
    expect(seen()).toMatchObject({ refusals: {} });
    expect(seen().tokens).toBeGreaterThanOrEqual(4);
  });

  it("die with the credentials that signed them, and new ones are there in time", async () => {
    gateway.credentials.expiresIn(70_000);
    const seen = sinceNow();
    const made = withIam({});
    await made.query("select 1");
    // Less than a minute before their end they sign no more: the token is not used again.
    const client = await made.connect();
    client.release(true);
    await made.query("select 1");
    expect(seen()).toMatchObject({ logins: 2, refusals: {} });
  });

  it("signed with keys that were revoked are replaced at the first refusal", async () => {
    const made = writerOnly({ maxUses: 1 });
    await made.query("select 1");
    await delay(1_100);
    gateway.credentials.rotate({ revoke: true });
    const seen = sinceNow();
    await made.query("select 1");
    expect(seen()).toMatchObject({ logins: 1, requests: 1 });
    expect(Object.values(seen().refusals)).toEqual([1]);
  });

  it("are signed by the provider that is given", async () => {
    const provider = fromNodeProviderChain();
    let calls = 0;
    const made = withIam({
      credentials: () => {
        calls += 1;
        return provider();
      },
    });
    expect(await serverOf(made)).toBe("writer");
    expect(calls).toBe(1);
    expect(await serverOf(withIam({ credentials: await provider() }))).toBe("writer");
  });

  it("are signed for the real host where another name is configured", async () => {
    const url = new URL(gateway.writer.url);
    const { hostname, port } = url;
    url.hostname = "db.example.com";
    for (const real of [hostname, `${hostname}:${port}`, { "db.example.com": hostname }]) {
      const made = writerOnly({ writer: url.href, auth: iam({ hostname: real }) });
      expect(await serverOf(made)).toBe("writer");
    }
  });

  it("are for users with odd characters too", async () => {
    const name = "Ünı code's @ 50% +/=&\"?";
    const admin = pool({
      writer: cluster.writer.url,
      auth: () => new URL(cluster.writer.url).password,
      ...withoutPassword(),
    });
    await admin.query(`create user "${name.replaceAll('"', '""')}" in role rds_iam`);
    const url = new URL(gateway.writer.url);
    url.username = encodeURIComponent(name);
    const { rows } = await writerOnly({ writer: url.href }).query("select current_user as name");
    expect(rows).toEqual([{ name }]);
  });
});

/** The plain writer endpoint without the password that its URL has. */
function withoutPassword(): PoolOptions {
  return { writer: cluster.writer.url.replace(/:[^:@/]+@/, "@"), ssl: false };
}

describe("a login that RDS refuses", () => {
  async function refusal(made: Pool): Promise<Error> {
    const error = await rejection(made.query("select 1"));
    expect(error).toMatchObject({ code: "AUTHENTICATION_FAILED", cause: { code: "28000" } });
    return error as Error;
  }

  it("says what was tried, and every usual cause", async () => {
    gateway.reject(gateway.user);
    const { hostname, port } = gateway.writer;
    const provider = fromNodeProviderChain();
    const credentials = async () => ({ ...(await provider()), accountId: "012345678901" });
    const { message } = await refusal(withIam({ credentials }));
    expect(message).toMatch(
      new RegExp(
        `^${hostname}:${port} refused the login of ${gateway.user} by IAM: PAM authentication failed for user "${gateway.user}"\\. ` +
          `Tried: ${hostname}:${port}, user ${gateway.user}, region eu-west-2, identity account 012345678901, token age \\d+ s\\. `,
      ),
    );
    for (const cause of [
      `GRANT rds_iam TO "${gateway.user}"`,
      `rds-db:connect on arn:aws:rds-db:eu-west-2:012345678901:dbuser:<resource id>/${gateway.user}`,
      "IAM authentication is not enabled",
      "clock is more than 5 minutes off",
      "TLS is off",
      "200 connections a second",
      "iam-db-auth-error",
    ]) {
      expect(message).toContain(cause);
    }
  });

  it("names the role, where the platform has told it", async () => {
    gateway.reject(gateway.user);
    process.env["AWS_ROLE_ARN"] = "arn:aws:iam::012345678901:role/shop";
    onTestFinished(() => {
      delete process.env["AWS_ROLE_ARN"];
    });
    const { message } = await refusal(withIam({ credentials: fromNodeProviderChain() }));
    expect(message).toContain("identity arn:aws:iam::012345678901:role/shop");
  });

  it("is tried twice at most", async () => {
    gateway.reject(gateway.user);
    const seen = sinceNow();
    await refusal(writerOnly());
    expect(seen().refusals["rejected-user"]).toBeLessThanOrEqual(2);
  });

  it.each([
    [
      "for another host",
      { hostname: "other.cluster-c0abc.eu-west-2.rds.amazonaws.com" },
      "wrong-host",
    ],
    ["for another region", { region: "eu-west-1" }, "wrong-region"],
    [
      "with another secret",
      {
        credentials: async () => ({
          ...(await fromNodeProviderChain()()),
          secretAccessKey: "another",
        }),
      },
      "wrong-signature",
    ],
  ])("was signed %s", async (_what, options: IamOptions, cause) => {
    const seen = sinceNow();
    const url = new URL(gateway.writer.url);
    // The certificate is not what is wrong here.
    const made = writerOnly({
      writer: url.href,
      ssl: { ca: gateway.ca, servername: url.hostname },
      auth: iam(options),
    });
    const { message } = await refusal(made);
    expect(message).toContain("Tried: ");
    expect(seen().logins).toBe(0);
    expect(Object.keys(seen().refusals)).toEqual([cause]);
  });

  it("since the clocks differ, says what clock to look at", async () => {
    gateway.skewClock(20 * 60_000);
    const { message } = await refusal(writerOnly());
    expect(message).toContain("this machine's clock is more than 5 minutes off");
  });

  it("says so when the credentials show that the clock is fast", async () => {
    const provider = fromNodeProviderChain();
    const { message } = await refusal(
      withIam({
        credentials: async () => ({
          ...(await provider()),
          expiration: new Date(Date.now() - 5_000),
        }),
        region: "eu-west-1",
      }),
    );
    expect(message).toContain(
      "The clock of this machine is probably fast, or the source of credentials is stuck",
    );
  });

  it("says so when the credentials show that the clock is slow", async () => {
    const provider = fromNodeProviderChain();
    const { message } = await refusal(
      withIam({
        credentials: async () => ({
          ...(await provider()),
          expiration: new Date(Date.now() + 50 * 3_600_000),
        }),
        region: "eu-west-1",
      }),
    );
    expect(message).toContain(
      "The clock of this machine is probably slow: its credentials seem to live for 50 more hours",
    );
  });

  it("for its rate comes through once there is room, and the pool is as before", async () => {
    gateway.throttle(0);
    const made = writerOnly();
    await refusal(made);
    gateway.throttle(undefined);
    expect(await serverOf(made)).toBe("writer");
  });
});

describe("a process without an identity", () => {
  it("is told that there are no credentials, and where they may come from", async () => {
    gateway.credentials.fail(true);
    const error = await rejection(withIam({}).query("select 1"));
    expect(error).toMatchObject({ code: "PASSWORD_UNAVAILABLE" });
    expect((error as Error).message).toMatch(
      /^IAM has no AWS credentials to sign with: .+\. Give the process an identity: a role of its platform, a profile \(AWS_PROFILE, after aws sso login\), or keys\.$/,
    );
  });

  it("is told that the region is not known, where neither the host nor anything else tells", async () => {
    const url = new URL(gateway.writer.url);
    url.hostname = "localhost";
    delete process.env["AWS_REGION"];
    onTestFinished(() => {
      Object.assign(process.env, gateway.environment);
    });
    const ssl = { ca: gateway.ca, servername: gateway.writer.hostname };
    const error = await rejection(
      writerOnly({ writer: url.href, ssl, auth: iam() }).query("select 1"),
    );
    expect(error).toMatchObject({ code: "PASSWORD_UNAVAILABLE" });
    expect((error as Error).message).toBe(
      "IAM does not know the region of localhost, which is no host name of RDS. Give iam({ region }) or set AWS_REGION; iam({ hostname }) when it is another name of an RDS host.",
    );
  });

  it("works as soon as it has one", async () => {
    gateway.credentials.fail(true);
    const made = withIam({});
    await rejection(made.query("select 1"));
    gateway.credentials.fail(false);
    expect(await serverOf(made)).toBe("writer");
  });
});

describe("a server that is not who it says", () => {
  it.each([
    ["other-host", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["expired", "CERT_HAS_EXPIRED"],
  ] as const)("never gets a token: a certificate that is %s", async (kind, code) => {
    gateway.certificate(kind);
    const seen = sinceNow();
    let asked = 0;
    const real = iam();
    const made = writerOnly({
      auth: {
        ...real,
        requiresTls: true,
        password: (endpoint) => {
          asked += 1;
          return real.password(endpoint);
        },
      },
    });
    expect(await rejection(made.query("select 1"))).toMatchObject({ code });
    expect(asked).toBe(0);
    expect(seen()).toMatchObject({ logins: 0, tokens: 0 });
  });

  it("is not spoken to in the clear, whatever the URL says", async () => {
    const url = `${gateway.writer.url.replace("verify-full", "disable")}`;
    const before = gateway.seen.plain;
    expect(await serverOf(writerOnly({ writer: url }))).toBe("writer");
    expect(gateway.seen.plain).toBe(before);
  });
});

describe("opening connections", () => {
  it("is spread below the rate that is given", async () => {
    const made = writerOnly({ max: 30, auth: iam({ connectionsPerSecond: 20 }) });
    const start = performance.now();
    await Promise.all(Array.from({ length: 30 }, () => made.query("select pg_sleep(1.6)")));
    const took = performance.now() - start;
    expect(made.totalCount).toBe(30);
    // Two at once, 28 more at 20 a second, and the statement itself.
    expect(took).toBeGreaterThan(1_300 + 1_600);
    expect(took).toBeLessThan(8_000);
  });
});
