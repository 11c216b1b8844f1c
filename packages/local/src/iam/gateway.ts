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
  readonly members: Members;
}

/** The servers behind a gateway. */
export interface Members {
  readonly writer: Backend;
  /** Where the reader endpoint leads, in turn. */
  readonly forReads: readonly [Backend, ...Backend[]];
  /** All that have an endpoint of their own, in order. */
  readonly servers: readonly Backend[];
}

/** An {@link IamGateway}, and what its cluster does with it. */
export interface OpenGateway {
  readonly gateway: IamGateway;
  /** Has it lead to other servers: new ones get an endpoint, and of those that are gone it closes. */
  readonly arrange: (members: Members) => Promise<void>;
  /** Breaks every connection to a server, with no word of farewell. */
  readonly cut: (backend: Backend) => void;
  /** Stops listening everywhere and breaks all connections. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a gateway in front of running servers.
 *
 * @throws ClusterError `PORT_IN_USE`; nothing is left open then
 */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { region, user, folder, portBase } = options;
  let { members } = options;
  const hostnames = hostnamesIn(region, members.servers.length);
  const certificates = new Certificates([hostnames.writer, hostnames.reader, ...hostnames.servers]);
  const caFile = join(folder, "ca.pem");
  await writeFile(caFile, certificates.ca);

  const opened = new Set<{ close(): Promise<void> }>();
  const keep = <One extends { close(): Promise<void> }>(one: One): One => {
    opened.add(one);
    return one;
  };
  const close = async () => {
    await Promise.all([...opened].map((one) => one.close()));
  };
  try {
    const credentials = keep(await CredentialsServer.listen());
    const gatekeeper = new Gatekeeper(region, (accessKeyId) => credentials.find(accessKeyId));
    const certificate = {
      kind: "valid" as CertificateKind,
      context: certificates.context("valid"),
    };
    const show = (kind: CertificateKind) => {
      Object.assign(certificate, { kind, context: certificates.context(kind) });
    };
    const listen = async (hostname: string, target: () => Backend, offset?: number) => {
      const port = portBase === undefined || offset === undefined ? 0 : portBase + offset;
      const secureContext = () => certificate.context;
      const parts = { hostname, port, target, secureContext, gatekeeper };
      return keep(await GatewayEndpoint.listen(parts));
    };
    const shown = (endpoint: GatewayEndpoint) =>
      new LocalIamEndpoint(endpoint, { ...options, ca: certificates.ca, caFile });

    const writer = await listen(hostnames.writer, () => members.writer, 0);
    const reader = await listen(
      hostnames.reader,
      inTurn(() => members.forReads),
      1,
    );
    const instances = new Map<Backend, Instance>();
    for (const [index, backend] of members.servers.entries()) {
      const endpoint = await listen(hostnames.servers[index] ?? "", () => backend, 2 + index);
      instances.set(backend, { endpoint, shown: shown(endpoint) });
    }
    let named = members.servers.length;

    const arrange = async (next: Members) => {
      for (const backend of next.servers.filter((one) => !instances.has(one))) {
        named += 1;
        const hostname = hostnamesIn(region, named).servers[named - 1] ?? "";
        certificates.add(hostname);
        show(certificate.kind);
        const endpoint = await listen(hostname, () => backend);
        instances.set(backend, { endpoint, shown: shown(endpoint) });
      }
      members = next;
      for (const [backend, { endpoint }] of instances) {
        if (next.servers.includes(backend)) continue;
        instances.delete(backend);
        opened.delete(endpoint);
        await endpoint.close();
      }
    };
    const cut = (backend: Backend) => {
      for (const one of [writer, reader, ...[...instances.values()].map((of) => of.endpoint)]) {
        one.cut(backend);
      }
    };

    const endpoints = { writer: shown(writer), reader: shown(reader) };
    const gateway: IamGateway = {
      ...endpoints,
      get servers() {
        return members.servers.flatMap((backend) => instances.get(backend)?.shown ?? []);
      },
      user,
      region,
      ca: certificates.ca,
      caFile,
      credentials,
      get environment() {
        const [first] = members.forReads;
        return {
          DATABASE_URL: endpoints.writer.url,
          ...(first === members.writer ? {} : { DATABASE_READER_URL: endpoints.reader.url }),
          DATABASE_AUTH: "iam",
          AWS_REGION: region,
          ...credentials.environment,
          AWS_EC2_METADATA_DISABLED: "true",
        } as const;
      },
      get seen() {
        return gatekeeper.seen;
      },
      expireTokensAfter: (milliseconds) => gatekeeper.expireTokensAfter(milliseconds),
      skewClock: (milliseconds) => gatekeeper.skewClock(milliseconds),
      reject: (name) => gatekeeper.reject(name),
      accept: (name) => gatekeeper.accept(name),
      throttle: (loginsPerSecond) => gatekeeper.throttle(loginsPerSecond),
      certificate: show,
    };
    return { gateway, arrange, cut, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The endpoint of one server. */
interface Instance {
  readonly endpoint: GatewayEndpoint;
  readonly shown: IamEndpoint;
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
