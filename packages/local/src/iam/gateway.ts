import { writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { inTurn } from "../in-turn.ts";
import { type Traffic, TrafficView } from "../traffic.ts";
import { type CertificateKind, Certificates } from "./certificates.ts";
import { type CredentialsEndpoint, CredentialsServer } from "./credentials.ts";
import { Gatekeeper, type IamSeen } from "./gatekeeper.ts";
import { type Backend, GatewayEndpoint } from "./gateway-endpoint.ts";
import { hostnamesIn } from "./hostnames.ts";
import { loopbackSocket } from "./loopback.ts";

/** An endpoint that takes tokens, under a name like RDS's, and what has gone through it. */
export interface IamEndpoint extends Traffic {
  /** The name that tokens are for and that the certificate shows. No DNS knows it. */
  readonly hostname: string;
  /** A port of 127.0.0.1. */
  readonly port: number;
  /**
   * `postgres://user@hostname:port/database?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=…`,
   * with parameters that mean what libpq says. `pg` does not know `hostaddr`: see `pgConfig`.
   */
  readonly url: string;
  /**
   * The same for `pg`, but for the password, which is a token.
   *
   * @example
   * import { Signer } from "@aws-sdk/rds-signer";
   *
   * const { iam } = await startCluster({ iam: true });
   * const { hostname, port, pgConfig } = iam.writer;
   * const signer = new Signer({ hostname, port, username: iam.user, region: iam.region });
   * const pool = new pg.Pool({ ...pgConfig, password: () => signer.getAuthToken() });
   */
  readonly pgConfig: IamPgConfig;
}

/** Options of `pg` that lead to an {@link IamEndpoint} and verify its certificate. */
export interface IamPgConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ssl: { readonly ca: string };
  /** Makes the socket to connect with: it goes to 127.0.0.1, whatever the host is called. */
  readonly stream: () => Socket;
}

/** All that an application needs to know to use the gateway. */
export interface IamEnvironment {
  readonly DATABASE_URL: string;
  /** Not there without readers. */
  readonly DATABASE_READER_URL?: string;
  readonly DATABASE_AUTH: "iam";
  readonly AWS_REGION: string;
  readonly AWS_CONTAINER_CREDENTIALS_FULL_URI: string;
  readonly AWS_CONTAINER_AUTHORIZATION_TOKEN: string;
  /** Keeps the AWS SDK from looking for an EC2 instance around it. */
  readonly AWS_EC2_METADATA_DISABLED: "true";
}

/**
 * TLS endpoints in front of a cluster that take logins as RDS does with IAM authentication: a user
 * with the role `rds_iam` logs in with a token over TLS, and in no other way; every other user with
 * a password. What cannot be seen from outside on RDS cannot be seen here either: whatever is wrong
 * with a token, the answer is `PAM authentication failed`; the cause is in {@link IamGateway.seen}.
 */
export interface IamGateway {
  /** The writer endpoint. */
  readonly writer: IamEndpoint;
  /** The reader endpoint: each login leads to the next reader in turn, without readers to the writer. */
  readonly reader: IamEndpoint;
  /** The instance endpoints, in the order of {@link Cluster.servers}. */
  readonly servers: readonly IamEndpoint[];
  /** The user in the URLs: it has `rds_iam` and owns the database. */
  readonly user: string;
  readonly region: string;
  /** The certificate of the gateway's authority, as PEM. */
  readonly ca: string;
  /** A file with `ca`, in the folder of the cluster. */
  readonly caFile: string;
  /** Where an application gets the AWS credentials that sign tokens. */
  readonly credentials: CredentialsEndpoint;
  /**
   * What to put into the environment of an application.
   *
   * @example
   * import { spawn } from "node:child_process";
   *
   * const { iam } = await startCluster({ iam: true });
   * spawn("node", ["server.js"], { env: { ...process.env, ...iam.environment } });
   */
  readonly environment: IamEnvironment;
  /** What has happened so far, as it stands when this is read. */
  readonly seen: IamSeen;
  /**
   * Takes tokens only so long after their date, even though they say 15 minutes. The date has whole
   * seconds: a token can be a second old when it is made.
   *
   * @param milliseconds `undefined`: as long as they say
   * @throws ClusterError `INVALID_OPTION`
   */
  expireTokensAfter(milliseconds: number | undefined): void;
  /**
   * Puts the gateway's clock forward, or back.
   *
   * @param milliseconds 0 for the right time
   * @throws ClusterError `INVALID_OPTION`
   */
  skewClock(milliseconds: number): void;
  /** Refuses a user whose token is good, as if a policy were missing. */
  reject(user: string): void;
  /** Takes back {@link IamGateway.reject}. */
  accept(user: string): void;
  /**
   * Refuses logins with a token beyond so many within a second, as RDS does.
   *
   * @param loginsPerSecond `undefined` for no limit
   * @throws ClusterError `INVALID_OPTION`
   */
  throttle(loginsPerSecond: number | undefined): void;
  /** Chooses the certificate that new connections are shown. */
  certificate(kind: CertificateKind): void;
}

export interface GatewayOptions {
  readonly region: string;
  readonly user: string;
  readonly database: string;
  /** Where the file of the authority goes. */
  readonly folder: string;
  /** The writer endpoint's port; the others get those after it. `undefined`: any free ones. */
  readonly portBase: number | undefined;
  /** The writer, then the readers. */
  readonly backends: readonly [Backend, ...Backend[]];
}

/** An {@link IamGateway}, and how to close it. */
export interface OpenGateway {
  readonly gateway: IamGateway;
  /** Stops listening everywhere and breaks all connections. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a gateway in front of running servers.
 *
 * @throws ClusterError `PORT_IN_USE`; nothing is left open then
 */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { region, user, folder, portBase, backends } = options;
  const [writer, ...readers] = backends;
  const hostnames = hostnamesIn(region, backends.length);
  const certificates = new Certificates([hostnames.writer, hostnames.reader, ...hostnames.servers]);
  const caFile = join(folder, "ca.pem");
  await writeFile(caFile, certificates.ca);

  const opened: { close(): Promise<void> }[] = [];
  const keep = <One extends { close(): Promise<void> }>(one: One): One => {
    opened.push(one);
    return one;
  };
  const close = async () => {
    await Promise.all(opened.map((one) => one.close()));
  };
  try {
    const credentials = keep(await CredentialsServer.listen());
    const gatekeeper = new Gatekeeper(region, (accessKeyId) => credentials.find(accessKeyId));
    const certificate = { context: certificates.context("valid") };
    const open = async (offset: number, hostname: string, target: () => Backend) => {
      const port = portBase === undefined ? 0 : portBase + offset;
      const secureContext = () => certificate.context;
      const parts = { hostname, port, target, secureContext, gatekeeper };
      const endpoint = keep(await GatewayEndpoint.listen(parts));
      return new LocalIamEndpoint(endpoint, { ...options, ca: certificates.ca, caFile });
    };
    const endpoints = {
      writer: await open(0, hostnames.writer, () => writer),
      reader: await open(1, hostnames.reader, inTurn(isSome(readers) ? readers : [writer])),
      servers: await Promise.all(
        backends.map((backend, index) =>
          open(2 + index, hostnames.servers[index] ?? "", () => backend),
        ),
      ),
    };
    const gateway: IamGateway = {
      ...endpoints,
      user,
      region,
      ca: certificates.ca,
      caFile,
      credentials,
      environment: {
        DATABASE_URL: endpoints.writer.url,
        ...(isSome(readers) ? { DATABASE_READER_URL: endpoints.reader.url } : {}),
        DATABASE_AUTH: "iam",
        AWS_REGION: region,
        ...credentials.environment,
        AWS_EC2_METADATA_DISABLED: "true",
      },
      get seen() {
        return gatekeeper.seen;
      },
      expireTokensAfter: (milliseconds) => gatekeeper.expireTokensAfter(milliseconds),
      skewClock: (milliseconds) => gatekeeper.skewClock(milliseconds),
      reject: (name) => gatekeeper.reject(name),
      accept: (name) => gatekeeper.accept(name),
      throttle: (loginsPerSecond) => gatekeeper.throttle(loginsPerSecond),
      certificate: (kind) => {
        certificate.context = certificates.context(kind);
      },
    };
    return { gateway, close };
  } catch (error) {
    await close();
    throw error;
  }
}

class LocalIamEndpoint extends TrafficView implements IamEndpoint {
  readonly hostname: string;
  readonly port: number;
  readonly url: string;
  readonly pgConfig: IamPgConfig;

  constructor(
    endpoint: GatewayEndpoint,
    { user, database, ca, caFile }: Record<"user" | "database" | "ca" | "caFile", string>,
  ) {
    super(endpoint);
    const { hostname, port } = endpoint;
    const [name, path, file] = [user, database, caFile].map(encodeURIComponent);
    this.hostname = hostname;
    this.port = port;
    this.url =
      `postgres://${name}@${hostname}:${port}/${path}` +
      `?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=${file}`;
    this.pgConfig = { host: hostname, port, user, database, ssl: { ca }, stream: loopbackSocket };
  }
}

function isSome<Thing>(things: readonly Thing[]): things is readonly [Thing, ...Thing[]] {
  return things.length > 0;
}
