import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, iam, type Pool, type PoolOptions, secretsManager } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { runProgram } from "../support/run-program.ts";

// What the AWS SDK finds by itself: profiles, roles that are assumed, secrets. Its services are
// played by small servers here; the SDK's own clients talk to them.

let cluster: Cluster;
let gateway: NonNullable<Cluster["iam"]>;

beforeAll(async () => {
  cluster = await startCluster({ readers: 0, iam: true });
  gateway = cluster.iam as typeof gateway;
});
afterAll(() => cluster.stop());
afterEach(() => {
  vi.unstubAllEnvs();
});

function stub(environment: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}

interface Keys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
}

/** Keys that the gateway knows. */
async function keys(): Promise<Keys> {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN } =
    gateway.environment;
  const headers = { authorization: AWS_CONTAINER_AUTHORIZATION_TOKEN };
  const response = await fetch(AWS_CONTAINER_CREDENTIALS_FULL_URI, { headers });
  return (await response.json()) as Keys;
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const parametersOf = async (request: IncomingMessage) =>
  Object.fromEntries(new URLSearchParams(await text(request)));

function pool(options: PoolOptions): Pool {
  const made = createPool({ writer: gateway.writer.url, ...options });
  onTestFinished(() => made.end());
  return made;
}

const userOf = async (made: Pool) => (await made.query("select current_user as name")).rows[0].name;

/** Configuration files of AWS, with one profile. */
async function profile(name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-aws-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { AccessKeyId, SecretAccessKey, Token } = await keys();
  const [config, credentials] = [join(folder, "config"), join(folder, "credentials")];
  writeFileSync(config, `[profile ${name}]\nregion = ${gateway.region}\n`);
  writeFileSync(
    credentials,
    `[${name}]\naws_access_key_id = ${AccessKeyId}\naws_secret_access_key = ${SecretAccessKey}\naws_session_token = ${Token}\n`,
  );
  stub({ AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials });
}

describe("iam()", () => {
  it("signs with a profile of the configuration files", async () => {
    await profile("shop");
    expect(await userOf(pool({ auth: iam({ profile: "shop" }) }))).toBe(gateway.user);
  });

  it("signs with the profile of AWS_PROFILE", async () => {
    await profile("shop");
    stub({ AWS_PROFILE: "shop" });
    expect(await userOf(pool({ auth: iam() }))).toBe(gateway.user);
  });

  it("takes the region of the profile where the host does not tell it", async () => {
    await profile("shop");
    const { hostname, port } = gateway.writer;
    const url = new URL(gateway.writer.url);
    url.hostname = "localhost";
    const auth = iam({ profile: "shop", hostname: { localhost: `${hostname}:${port}` } });
    expect(await userOf(pool({ writer: url.href, auth }))).toBe(gateway.user);
  });

  it.each([
    ["arn:aws:iam::012345678901:role/shop", {}],
    [
      { arn: "arn:aws:iam::012345678901:role/shop", sessionName: "tests", externalId: "7" },
      { RoleSessionName: "tests", ExternalId: "7" },
    ],
  ])("assumes a role first: %o", async (role, asked) => {
    const requests: Record<string, string>[] = [];
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = await keys();
    const endpoint = await serve(async (request, response) => {
      requests.push(await parametersOf(request));
      response.setHeader("content-type", "text/xml");
      response.end(
        `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
           <AccessKeyId>${AccessKeyId}</AccessKeyId><SecretAccessKey>${SecretAccessKey}</SecretAccessKey>
           <SessionToken>${Token}</SessionToken><Expiration>${Expiration}</Expiration>
         </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      );
    });
    stub({ AWS_ENDPOINT_URL_STS: endpoint });
    const own = { accessKeyId: "AKIAOWN", secretAccessKey: "own" };
    const auth = iam({ role, credentials: own, region: gateway.region });
    expect(await userOf(pool({ auth }))).toBe(gateway.user);
    expect(requests).toEqual([
      expect.objectContaining({
        Action: "AssumeRole",
        RoleArn: "arn:aws:iam::012345678901:role/shop",
        RoleSessionName: "pointsman",
        ...asked,
      }),
    ]);
  });
});

describe("secretsManager()", () => {
  it("reads the secret with the SDK's own client", async () => {
    const { username, password } = new URL(cluster.writer.url);
    const endpoint = await serve(async (request, response) => {
      const { SecretId } = JSON.parse(await text(request)) as { SecretId: string };
      response.setHeader("content-type", "application/x-amz-json-1.1");
      response.end(
        JSON.stringify({ Name: SecretId, SecretString: JSON.stringify({ username, password }) }),
      );
    });
    stub({
      AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
      AWS_ACCESS_KEY_ID: "AKIAOWN",
      AWS_SECRET_ACCESS_KEY: "own",
    });
    const writer = cluster.writer.url.replace(/:[^:@/]+@/, "@");
    const auth = secretsManager({ secretId: "shop/database", region: "eu-west-2" });
    expect(await userOf(pool({ writer, auth }))).toBe(username);
  });
});

it("a package that is missing is told, with the command that installs it", async () => {
  const { status, stdout, stderr } = await runProgram("without-packages", gateway.writer.url);
  const both = "npm install @aws-sdk/rds-signer @aws-sdk/credential-providers";
  expect([status, stderr, stdout.trim().split("\n")]).toEqual([
    0,
    "",
    [
      `PACKAGE_MISSING: IAM authentication needs @aws-sdk/credential-providers, which is not installed. Run: ${both}`,
      `PACKAGE_MISSING: IAM authentication needs @aws-sdk/rds-signer, which is not installed. Run: ${both}`,
      "PACKAGE_MISSING: secretsManager() needs @aws-sdk/client-secrets-manager, which is not installed. Run: npm install @aws-sdk/client-secrets-manager",
    ],
  ]);
});
