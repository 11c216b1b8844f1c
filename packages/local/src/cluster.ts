import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Account, serverAccount } from "./account.ts";
import type { Address } from "./address.ts";
import { AURORA_SETTINGS, imitateAurora, writerName } from "./aurora.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import {
  choosePath,
  configure,
  copy,
  initialize,
  makeFolder,
  makeStandby,
  prependHbaRules,
  socketPath,
} from "./data-folder.ts";
import { ClusterError } from "./errors.ts";
import { freePorts } from "./free-port.ts";
import type { IamGateway, OpenGateway } from "./iam/gateway.ts";
import type { Backend } from "./iam/gateway-endpoint.ts";
import { createIamUser, HBA_RULES, needsToken } from "./iam/roles.ts";
import { identifier } from "./identifier.ts";
import { inTurn } from "./in-turn.ts";
import { parseLsn } from "./lsn.ts";
import {
  type ClusterConfig,
  type ClusterOptions,
  type IamOptions,
  resolveOptions,
} from "./options.ts";
import { Postmaster } from "./postmaster.ts";
import { Relay } from "./relay.ts";
import { type Endpoint, LocalServer, type Reader, RelayEndpoint, type Server } from "./server.ts";
import { BASE_SETTINGS, formatConninfo } from "./settings.ts";
import { poll } from "./wait.ts";
import { Watchdog } from "./watchdog.ts";

/** A running cluster: one writer and its readers, with endpoints in front. */
export interface Cluster extends AsyncDisposable {
  /** The writer endpoint. */
  readonly writer: Endpoint;
  /**
   * The reader endpoint: each new connection leads to the next reader in turn. Without readers it
   * leads to the writer, as RDS does it.
   */
  readonly reader: Endpoint;
  /** The writer, then the readers in order. */
  readonly servers: readonly Server[];
  /** The readers in order. */
  readonly readers: readonly Reader[];
  /** The version of PostgreSQL, as the server names it: "18.4". */
  readonly version: string;
  /** The database in the URLs. */
  readonly database: string;
  /** The user in the URLs, a superuser. */
  readonly user: string;
  /** The gateway for logins with IAM tokens, if the cluster was started with one. */
  readonly iam: IamGateway | undefined;
  /** {@link Reader.lag} on every reader. */
  lag(milliseconds: number): Promise<void>;
  /** {@link Reader.pauseReplay} on every reader. */
  pauseReplay(): Promise<void>;
  /** {@link Reader.resumeReplay} on every reader. */
  resumeReplay(): Promise<void>;
  /**
   * Waits until every reader that is not paused has applied everything that the writer has written
   * before this call.
   *
   * @param timeoutMs in milliseconds; default: 10000
   * @throws ClusterError `TIMEOUT` or `STOPPED`
   * @example
   * await writer.query("INSERT INTO orders VALUES (1)");
   * await cluster.waitForReplay();
   * await reader.query("SELECT * FROM orders"); // has it
   */
  waitForReplay(timeoutMs?: number): Promise<void>;
  /**
   * Stops the servers at once, breaks all connections and removes everything from disk. Calling it
   * again gives the same promise.
   */
  stop(): Promise<void>;
}

/** A cluster that was started with a gateway. */
export interface IamCluster extends Cluster {
  readonly iam: IamGateway;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const REPLAY_TIMEOUT_MS = 10_000;
const PORT_ATTEMPTS = 5;

/**
 * Starts a cluster with a gateway in front of it, where users log in as on RDS with IAM
 * authentication; all else is as without.
 *
 * @throws ClusterError with any code but `STOPPED`; nothing is left behind then
 * @example
 * const { iam } = await startCluster({ iam: { region: "eu-central-1" } });
 * console.log(iam.environment);
 */
export async function startCluster(
  options: ClusterOptions & { readonly iam: true | IamOptions },
): Promise<IamCluster>;
/**
 * Starts a real PostgreSQL cluster on this machine: one writer, and readers that follow it by
 * streaming replication. It keeps the process running until it is stopped, and is gone, servers
 * and files, as soon as the process is, however that ends.
 *
 * @throws ClusterError with any code but `STOPPED`; nothing is left behind then
 * @example
 * const cluster = await startCluster({ readers: 2 });
 * const writer = new pg.Pool({ connectionString: cluster.writer.url });
 * const reader = new pg.Pool({ connectionString: cluster.reader.url });
 * // …
 * await cluster.stop();
 */
export async function startCluster(options?: ClusterOptions): Promise<Cluster>;
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const config = resolveOptions(options);
  const binaries = await findBinaries(config);
  const account = serverAccount();
  const folder = await choosePath(account, { forSockets: config.iam !== undefined });
  // Before the folder is made: there is no moment at which it could be left behind.
  const watchdog = new Watchdog(folder);
  const site: Site = { config, binaries, account, folder, watchdog };
  const running: Running = { postmasters: [], relays: [], servers: [], gateway: undefined };
  try {
    await makeFolder(folder, account);
    await prepare(site);
    await launch(site, running);
    return await open(site, running);
  } catch (error) {
    await tearDown(site, running);
    throw error;
  }
}

/** What does not change while a cluster lives. */
interface Site {
  readonly config: ClusterConfig;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  /** Everything on disk is in here. */
  readonly folder: string;
  readonly watchdog: Watchdog;
}

/** What has to be closed again. */
interface Running {
  postmasters: Postmaster[];
  relays: Relay[];
  servers: LocalServer[];
  gateway: OpenGateway | undefined;
}

function serverNames({ config }: Site): string[] {
  return ["writer", ...Array.from({ length: config.readers }, (_, index) => `reader${index + 1}`)];
}

function dataOf({ folder }: Site, name: string): string {
  return join(folder, name);
}

/** Makes the data folders: one by initdb, the others as copies of it before it is ever used. */
async function prepare(site: Site): Promise<void> {
  const { config, folder, account, binaries, watchdog } = site;
  const owner = { account, folder, onStart: (pid: number) => watchdog.started(pid) };
  const writerData = dataOf(site, "writer");
  await initialize(writerData, { ...owner, ...config, bin: binaries.bin });
  await configure(writerData, {
    ...BASE_SETTINGS,
    // In quotes: a comma would begin another one.
    ...(config.iam ? { unix_socket_directories: identifier(folder) } : {}),
    ...(config.aurora ? AURORA_SETTINGS : {}),
    ...config.settings,
  });
  if (config.iam) await prependHbaRules(writerData, HBA_RULES);
  const readers = serverNames(site).slice(1);
  await Promise.all(
    readers.map(async (name) => {
      await copy(writerData, dataOf(site, name), owner);
      await makeStandby(dataOf(site, name));
    }),
  );
}

/** Starts all servers at the same time, on other ports when one was snatched away. */
async function launch(site: Site, running: Running): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const names = serverNames(site);
    const ports = await freePorts(names.length);
    running.postmasters = await Promise.all(
      names.map((name, index) => startServer(site, name, ports[index] ?? 0, ports[0] ?? 0)),
    );
    try {
      await Promise.all(running.postmasters.map((postmaster) => postmaster.ready(deadline)));
      return;
    } catch (error) {
      const again = running.postmasters.some((postmaster) => postmaster.portWasTaken);
      if (!again || attempt === PORT_ATTEMPTS) throw error;
      await endServers(running.postmasters);
    }
  }
}

async function startServer(
  site: Site,
  name: string,
  port: number,
  writerPort: number,
): Promise<Postmaster> {
  const { config, binaries, account, folder, watchdog } = site;
  const data = dataOf(site, name);
  await configure(data, {
    cluster_name: name,
    ...(name === "writer"
      ? {}
      : {
          primary_conninfo: formatConninfo({
            host: "127.0.0.1",
            port: writerPort,
            user: config.user,
            password: config.password,
            application_name: name,
            sslmode: "disable",
            gssencmode: "disable",
          }),
          ...(config.aurora ? writerName("writer") : {}),
        }),
  });
  const logFile = join(folder, `${name}.log`);
  const postmaster = Postmaster.start({ name, bin: binaries.bin, data, logFile, port, account });
  watchdog.started(postmaster.pid);
  void postmaster.ended.then(() => watchdog.ended(postmaster.pid));
  return postmaster;
}

/** Puts the endpoints in front of running servers and makes the application's database. */
async function open(site: Site, running: Running): Promise<Cluster> {
  const { config } = site;
  const relay = async (offset: number, target: () => Address): Promise<Relay> => {
    const port = config.portBase === undefined ? 0 : config.portBase + offset;
    const opened = await Relay.listen(target, port);
    running.relays.push(opened);
    return opened;
  };
  const urlOf = (address: Address): string => databaseUrl(config, address);

  const addresses = running.postmasters.map(({ port }) => ({ host: "127.0.0.1", port }));
  const [writerAddress, ...readerAddresses] = addresses as [Address, ...Address[]];
  const [firstReader = writerAddress, ...otherReaders] = readerAddresses;

  const writer = await relay(0, () => writerAddress);
  const reader = await relay(1, inTurn([firstReader, ...otherReaders]));
  for (const [index, postmaster] of running.postmasters.entries()) {
    const address = addresses[index] ?? writerAddress;
    const instance = await relay(2 + index, () => address);
    running.servers.push(
      new LocalServer({
        name: postmaster.name,
        role: index === 0 ? "writer" : "reader",
        postmaster,
        relay: instance,
        url: urlOf(instance),
        direct: { ...address, url: urlOf(address) },
        // Not even the superuser has a password any more that works, once it is in rds_iam.
        control: config.iam ? { host: site.folder, port: address.port } : address,
        credentials: config,
      }),
    );
  }

  if (config.aurora) {
    const { control } = running.servers[0] as LocalServer;
    await imitateAurora((database) => control.to(database));
  }
  await createDatabase(running.servers[0] as LocalServer, config.database);
  if (config.iam) running.gateway = await openIam(site, running.servers, config.iam);
  const cluster = new LocalCluster(site, running, {
    writer: new RelayEndpoint(writer, urlOf(writer)),
    reader: new RelayEndpoint(reader, urlOf(reader)),
  });
  await cluster.waitForReplay(START_TIMEOUT_MS);
  return cluster;
}

/** Makes the user with `rds_iam`, and opens the gateway where it logs in. */
async function openIam(
  { config, folder }: Site,
  servers: readonly LocalServer[],
  iam: { readonly region: string; readonly user: string },
): Promise<OpenGateway> {
  const { openGateway } = await import("./iam/gateway.ts");
  const { database, portBase } = config;
  const [writer, ...readers] = servers.map(({ direct: { host, port }, control }) => ({
    control,
    address: { host, port },
    socketPath: socketPath(folder, port),
    needsToken: (user: string) => needsToken(control, user),
  })) as [Backend & Pick<LocalServer, "control">, ...Backend[]];
  await createIamUser(writer.control, { user: iam.user, database });
  return openGateway({
    ...iam,
    database,
    folder,
    portBase: portBase === undefined ? undefined : portBase + 2 + servers.length,
    backends: [writer, ...readers],
  });
}

function databaseUrl({ user, password, database }: ClusterConfig, { host, port }: Address): string {
  const [name, secret, path] = [user, password, database].map(encodeURIComponent);
  return `postgres://${name}:${secret}@${host}:${port}/${path}`;
}

async function createDatabase(writer: LocalServer, database: string): Promise<void> {
  const existing = ["postgres", "template1"];
  if (existing.includes(database)) return;
  await writer.control.query(`CREATE DATABASE ${identifier(database)}`);
}

class LocalCluster implements Cluster {
  readonly writer: Endpoint;
  readonly reader: Endpoint;
  readonly servers: readonly Server[];
  readonly readers: readonly Reader[];
  readonly version: string;
  readonly database: string;
  readonly user: string;
  readonly iam: IamGateway | undefined;
  readonly #site: Site;
  readonly #running: Running;
  #stopping: Promise<void> | undefined;

  constructor(site: Site, running: Running, endpoints: { writer: Endpoint; reader: Endpoint }) {
    this.writer = endpoints.writer;
    this.reader = endpoints.reader;
    this.servers = running.servers;
    this.readers = running.servers.slice(1);
    this.version = site.binaries.version;
    this.database = site.config.database;
    this.user = site.config.user;
    this.iam = running.gateway?.gateway;
    this.#site = site;
    this.#running = running;
  }

  async lag(milliseconds: number): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.lag(milliseconds)));
  }

  async pauseReplay(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.pauseReplay()));
  }

  async resumeReplay(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.resumeReplay()));
  }

  async waitForReplay(timeoutMs: number = REPLAY_TIMEOUT_MS): Promise<void> {
    if (this.#stopping) throw new ClusterError("STOPPED", "The cluster was stopped.");
    const deadline = performance.now() + timeoutMs;
    const [writer, ...readers] = this.#running.servers as [LocalServer, ...LocalServer[]];
    const target = await writtenSoFar(writer);
    const behind = await Promise.all(
      readers.map(async (reader) => {
        const done = await poll(
          async () => {
            const position = await reader.replayed();
            return position === undefined || position >= target ? true : undefined;
          },
          deadline,
          1,
        );
        return done ? [] : [reader.name];
      }),
    );
    if (behind.flat().length === 0) return;
    throw new ClusterError(
      "TIMEOUT",
      `${behind.flat().join(" and ")} did not catch up with the writer within ${timeoutMs} ms. ` +
        "Is a lag set that is longer, or does a query on the reader hold the replay up?",
    );
  }

  stop(): Promise<void> {
    this.#stopping ??= tearDown(this.#site, this.#running);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The writer's position in the WAL, on its way to the readers. */
async function writtenSoFar(writer: LocalServer): Promise<bigint> {
  const [row] = await writer.control.query<{ written: string; flushed: string }>(
    `SELECT pg_current_wal_insert_lsn()::text AS written, pg_current_wal_flush_lsn()::text AS flushed`,
  );
  const { written, flushed } = row as { written: string; flushed: string };
  if (parseLsn(flushed) < parseLsn(written)) {
    // Only what is flushed is sent, and what no commit asks to flush may wait for long. The insert
    // position can also stand behind the header of a page that has no record yet, where no reader
    // can get. A record more cures both: it is flushed within wal_writer_delay, and lies beyond.
    await writer.control.query("SELECT pg_logical_emit_message(false, 'pointsman-local', '')");
  }
  return parseLsn(written);
}

async function endServers(postmasters: readonly Postmaster[]): Promise<void> {
  // PostgreSQL's immediate shutdown: nothing here is worth a last checkpoint.
  for (const postmaster of postmasters) postmaster.signal("SIGQUIT");
  const late = setTimeout(() => {
    for (const postmaster of postmasters) postmaster.signal("SIGKILL");
  }, STOP_TIMEOUT_MS);
  await Promise.all(postmasters.map((postmaster) => postmaster.end()));
  clearTimeout(late);
}

async function tearDown(site: Site, running: Running): Promise<void> {
  await Promise.all([running.gateway, ...running.relays].map((one) => one?.close()));
  await Promise.all(running.servers.map((server) => server.release()));
  await endServers(running.postmasters);
  await rm(site.folder, { recursive: true, force: true, maxRetries: 5 });
  await site.watchdog.finish();
}
