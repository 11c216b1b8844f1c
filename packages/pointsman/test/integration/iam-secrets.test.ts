import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { type Cluster, startCluster } from "@pointsman/local";
import { type Auth, createPool, iam, listenTo, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { eventMeanings } from "../../src/telemetry/events.ts";
import { shown } from "../support/shown.ts";

let cluster: Cluster;
let gateway: NonNullable<Cluster["iam"]>;
const secrets = new Set<string>();
const printed: string[] = [];
const warnings = (warning: Error) => printed.push(shown(warning));
const events = (event: unknown) => printed.push(shown(event));
const channels = Object.keys(eventMeanings).map((name) => `pointsman:${name}`);

beforeAll(async () => {
  cluster = await startCluster({ readers: 1, iam: true });
  gateway = cluster.iam as typeof gateway;
  Object.assign(process.env, gateway.environment);
  process.on("warning", warnings);
  for (const channel of channels) subscribe(channel, events);
});
afterAll(async () => {
  process.off("warning", warnings);
  for (const channel of channels) unsubscribe(channel, events);
  await cluster.stop();
});
beforeEach(() => {
  secrets.clear();
  printed.length = 0;
});
afterEach(() => {
  gateway.accept(gateway.user);
  gateway.certificate("valid");
  gateway.credentials.fail(false);
});

/** IAM as it is, overheard: its tokens are what must not be found. */
function overheard(): Auth {
  const real = iam();
  const password = real.password.bind(real);
  const overhear: Auth["password"] = async (endpoint) => {
    const token = await password(endpoint);
    secrets.add(token);
    secrets.add(new URLSearchParams(token).get("X-Amz-Signature") ?? token);
    return token;
  };
  return Object.defineProperty(real, "password", { value: overhear, enumerable: false });
}

/** The AWS keys that the process has been given. */
async function awsSecrets(): Promise<void> {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN } =
    gateway.environment;
  const response = await fetch(AWS_CONTAINER_CREDENTIALS_FULL_URI, {
    headers: { authorization: AWS_CONTAINER_AUTHORIZATION_TOKEN },
  });
  const { SecretAccessKey, Token, AccessKeyId } = (await response.json()) as Record<string, string>;
  for (const secret of [SecretAccessKey, Token, AccessKeyId]) secrets.add(secret as string);
}

function findings(): string[] {
  expect(secrets.size).toBeGreaterThan(3);
  const text = printed.join("\n");
  expect(text.length).toBeGreaterThan(1000);
  return [...secrets].filter((secret) => text.includes(secret));
}

async function printAll(pool: Pool): Promise<void> {
  const attempts = await Promise.allSettled([
    pool.query("select 1"),
    pool.query("create table if not exists printed (id int)"),
    pool.query("select nonsense from nowhere"),
    pool.connect(),
    pool.writer.connect(),
    pool.reader.connect(),
  ]);
  for (const attempt of attempts) {
    const value = attempt.status === "fulfilled" ? attempt.value : attempt.reason;
    printed.push(shown(value), inspect(value, { depth: 20, showHidden: true }));
    printed.push(String((value as Error).stack ?? ""));
  }
  for (const one of [pool, pool.options, pool.writer, pool.reader, pool.stats()]) {
    printed.push(shown(one), inspect(one, { depth: 20, showHidden: true }));
  }
  for (const attempt of attempts) {
    if (attempt.status === "fulfilled" && "release" in attempt.value) attempt.value.release();
  }
}

it("no token and no key is shown while all is well", async () => {
  await awsSecrets();
  const pool = createPool({ auth: overheard() });
  await printAll(pool);
  await pool.end();
  expect(findings()).toEqual([]);
});

it("no token and no key is shown when logins are refused", async () => {
  await awsSecrets();
  gateway.reject(gateway.user);
  const pool = createPool({ auth: overheard() });
  const refused = new Set<string>();
  listenTo(pool, {
    connect: ({ role, error }) => {
      if (error !== undefined) refused.add(role);
    },
  });
  await printAll(pool);
  await pool.end();
  expect(printed.join("\n")).toContain("PAM authentication failed");
  expect(refused).toEqual(new Set(["reader", "writer"]));
  expect(findings()).toEqual([]);
});

it("no token and no key is in a line of the logger", async () => {
  await awsSecrets();
  gateway.reject(gateway.user);
  const logger = (...line: unknown[]): void => {
    printed.push(shown(line));
  };
  const refused = createPool({ auth: overheard(), logger, slowQuery: 1 });
  await printAll(refused);
  gateway.accept(gateway.user);
  const pool = createPool({ auth: overheard(), logger, slowQuery: 1 });
  await pool.query("select pg_sleep(0.1)");
  await Promise.all([refused.end(), pool.end()]);
  expect(printed.join("\n")).toContain("slow statement");
  expect(findings()).toEqual([]);
});

it("no token and no key is shown when a certificate is wrong", async () => {
  await awsSecrets();
  const auth = overheard();
  const early = createPool({ auth });
  await early.query("select 1");
  gateway.certificate("self-signed");
  const pool = createPool({ auth });
  await printAll(pool);
  await Promise.all([early.end(), pool.end()]);
  expect(findings()).toEqual([]);
});

it("no key is shown that was given in code, nor by a provider that fails", async () => {
  await awsSecrets();
  const given = { accessKeyId: "AKIAGIVEN", secretAccessKey: "given-s3cret", sessionToken: "tok" };
  secrets.add("given-s3cret");
  for (const credentials of [
    given,
    async () => given,
    async () => {
      throw new Error("the provider is down");
    },
  ]) {
    const pool = createPool({ auth: iam({ credentials }) });
    await printAll(pool);
    await pool.end();
  }
  expect(findings()).toEqual([]);
});

it("the search finds what is there", async () => {
  await awsSecrets();
  const auth = overheard();
  const { hostname: host, port } = gateway.writer;
  const token = await auth.password({ host, port, user: gateway.user, database: "app" });
  printed.push(shown({ somewhere: [{ deep: token }] }));
  expect(findings()).toContain(token);
});
