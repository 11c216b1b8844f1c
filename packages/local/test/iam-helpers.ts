import { Sha256 } from "@aws-crypto/sha256-js";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { Signer } from "@aws-sdk/rds-signer";
import { SignatureV4 } from "@smithy/signature-v4";
import { Client, type DatabaseError } from "pg";
import type { IamEndpoint, IamEnvironment, IamGateway } from "../src/index.ts";

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What an application knows of a gateway. */
interface Application {
  readonly user: string;
  readonly environment: { readonly [name in keyof IamEnvironment]?: string };
}

/** A token as an application makes it: the SDK's signer, with what its default chain finds. */
export async function tokenFor(
  iam: Application,
  { hostname, port }: Pick<IamEndpoint, "hostname" | "port">,
  username: string = iam.user,
): Promise<string> {
  const { AWS_REGION: region = "" } = iam.environment;
  return new Signer({
    hostname,
    port,
    username,
    region,
    credentials: () => keysFrom(iam),
  }).getAuthToken();
}

/** What the SDK's default chain finds in an environment that has nothing but the gateway's. */
export async function keysFrom(iam: Application): Promise<Keys & { readonly expiration?: Date }> {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) delete process.env[name];
  }
  Object.assign(process.env, iam.environment, { AWS_CONFIG_FILE: "/dev/null" });
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
  return fromNodeProviderChain()();
}

/** A token with anything in it, signed by AWS's own code. */
export async function forge(token: {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly region: string;
  readonly keys: Keys;
  readonly date?: Date;
  /** In seconds. */
  readonly expiresIn?: number;
  readonly action?: string;
  readonly service?: string;
}): Promise<string> {
  const host = `${token.hostname}:${token.port}`;
  const { region, keys: credentials, service = "rds-db", action = "connect" } = token;
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { query = {} } = await signer.presign(
    {
      method: "GET",
      protocol: "https:",
      hostname: token.hostname,
      port: token.port,
      path: "/",
      query: { Action: action, DBUser: token.user },
      headers: { host },
    },
    { signingDate: token.date ?? new Date(), expiresIn: token.expiresIn ?? 900 },
  );
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return `${host}/?${pairs.join("&")}`;
}

/** A connection of `pg` through an endpoint of the gateway, by token unless a password is given. */
export async function logIn(
  iam: IamGateway,
  endpoint: IamEndpoint,
  options: { readonly user?: string; readonly password?: string; readonly database?: string } = {},
): Promise<Client> {
  const { user = iam.user, database = endpoint.pgConfig.database } = options;
  const password = options.password ?? (await tokenFor(iam, endpoint, user));
  const client = new Client({ ...endpoint.pgConfig, user, database, password });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** The error of PostgreSQL that a login ends with. */
export async function refusal(login: Promise<Client>): Promise<Partial<DatabaseError>> {
  const client = await login.catch((error: DatabaseError) => error);
  if (client instanceof Client) {
    await client.end();
    throw new Error("the login was not refused");
  }
  const { severity, code, message } = client;
  return { severity, code, message };
}
