import { serverAccount } from "./account.ts";
import { addReader } from "./add-reader.ts";
import { admit, databaseUrl, openRelay } from "./admit.ts";
import { imitateAurora } from "./aurora.ts";
import { findBinaries } from "./binaries.ts";
import type { ControlConnection } from "./control-connection.ts";
import { choosePath, makeFolder } from "./data-folder.ts";
import type { IamGateway } from "./iam/gateway.ts";
import { openIam } from "./iam/members.ts";
import { identifier } from "./identifier.ts";
import { inTurn } from "./in-turn.ts";
import { launch, prepare, START_TIMEOUT_MS } from "./launch.ts";
import { type ClusterOptions, type IamOptions, resolveOptions } from "./options.ts";
import type { Postmaster } from "./postmaster.ts";
import { type PromoteOptions, promote } from "./promote.ts";
import { removeServer } from "./remove-server.ts";
import { waitForReplay } from "./replay.ts";
import { type RestartOptions, restart } from "./restart.ts";
import { Running } from "./running.ts";
import { type Endpoint, type Reader, RelayEndpoint, type Server } from "./server.ts";
import type { Site } from "./site.ts";
import { Watchdog } from "./watchdog.ts";

/** A running cluster: one writer and its readers, with endpoints in front. */
export interface Cluster extends AsyncDisposable {
  /** The writer endpoint: it leads each new connection to whichever server is the writer then. */
  readonly writer: Endpoint;
  /**
   * The reader endpoint: each new connection leads to the next reader in turn. Without readers it
   * leads to the writer, as RDS does it.
   */
  readonly reader: Endpoint;
  /**
   * The servers as they are now: the writer, then the readers in order, then old writers that were
   * kept when others were promoted.
   */
  readonly servers: readonly [Server, ...Server[]];
  /** The readers as they are now, in order. */
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
   * Waits until every reader that follows the writer, and is not paused, has applied everything that
   * the writer has written before this call.
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
   * Makes a reader the writer, as a failover does. The writer endpoint leads there from then on, and
   * the reader endpoint does not any more, unless there is no other reader. The old writer is stopped
   * in order first, so that nothing is lost, and leaves the cluster; the other readers follow the new
   * writer. What the reader has been told to hold back is applied first. Connections to the reader
   * stay, and can write from then on.
   *
   * @throws ClusterError `INVALID_OPTION` when it is no reader of this cluster, `TIMEOUT` or `STOPPED`
   * @example
   * const [reader] = cluster.readers;
   * await cluster.promote(reader);
   * console.log(reader.role, cluster.servers[0] === reader); // writer true
   * @example
   * // Two writers that know nothing of each other: a split brain.
   * const [old] = cluster.servers;
   * await cluster.promote(cluster.readers[0], { keepOldWriter: true, follow: false });
   * console.log(old.role, cluster.servers.at(-1) === old); // writer true
   */
  promote(reader: Reader, options?: PromoteOptions): Promise<void>;
  /**
   * Stops a server and starts it again, on the same port and with the same data. Its connections are
   * cut, and new ones refused until it is back. Resolves when it takes connections again. Readers
   * find their way back to a writer by themselves; a reader that was paused is not any more, while a
   * lag stays.
   *
   * @throws ClusterError `INVALID_OPTION` when it is not in this cluster, `START_FAILED` or `STOPPED`
   * @example
   * await cluster.restart(cluster.servers[0], { crash: true });
   * await cluster.waitForReplay(); // readers stream again
   */
  restart(server: Server, options?: RestartOptions): Promise<void>;
  /**
   * Adds a reader: a copy of the writer as it is now, which follows it from there. The reader
   * endpoint leads new connections to it as well as soon as this resolves; those that are open stay
   * where they are. Its own endpoint has any free port.
   *
   * @throws ClusterError `INVALID_OPTION` when there are 15, `START_FAILED` or `STOPPED`
   * @example
   * const reader = await cluster.addReader();
   * await cluster.waitForReplay();
   * console.log(cluster.readers.includes(reader)); // true
   */
  addReader(): Promise<Reader>;
  /**
   * Takes a reader out of the cluster: no new connection is led to it, those to it are cut, its own
   * endpoint closes, and it is gone with its data.
   *
   * @throws ClusterError `INVALID_OPTION` when it is no reader of this cluster, or `STOPPED`
   * @example
   * await cluster.removeReader(cluster.readers[0]);
   */
  removeReader(reader: Reader): Promise<void>;
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

const REPLAY_TIMEOUT_MS = 10_000;

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
  const running = new Running();
  try {
    await makeFolder(folder, account);
    await prepare(site);
    return await open(site, running, await launch(site, running));
  } catch (error) {
    await running.tearDown(site);
    throw error;
  }
}

/** Puts the endpoints in front of running servers and makes the application's database. */
async function open(
  site: Site,
  running: Running,
  postmasters: readonly Postmaster[],
): Promise<Cluster> {
  const { config } = site;
  const { roster } = running;
  const writer = await openRelay(site, running, () => roster.writer.direct, 0);
  const nextReader = inTurn(() => roster.forReads);
  const reader = await openRelay(site, running, () => nextReader().direct, 1);
  for (const [index, postmaster] of postmasters.entries()) {
    const follows = index === 0 ? undefined : roster.writer;
    await admit(site, running, postmaster, follows, 2 + index);
  }

  const { control } = roster.writer;
  if (config.aurora) await imitateAurora((database) => control.to(database));
  await createDatabase(control, config.database);
  if (config.iam) await openIam(site, running, config.iam);
  const cluster = new LocalCluster(site, running, {
    writer: new RelayEndpoint(writer, databaseUrl(config, writer)),
    reader: new RelayEndpoint(reader, databaseUrl(config, reader)),
  });
  await cluster.waitForReplay(START_TIMEOUT_MS);
  return cluster;
}

async function createDatabase(control: ControlConnection, database: string): Promise<void> {
  const existing = ["postgres", "template1"];
  if (existing.includes(database)) return;
  await control.query(`CREATE DATABASE ${identifier(database)}`);
}

class LocalCluster implements Cluster {
  readonly writer: Endpoint;
  readonly reader: Endpoint;
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
    this.version = site.binaries.version;
    this.database = site.config.database;
    this.user = site.config.user;
    this.iam = running.gateway?.gateway;
    this.#site = site;
    this.#running = running;
  }

  get servers(): readonly [Server, ...Server[]] {
    const { servers, writer } = this.#running.roster;
    const [first = writer, ...others] = servers;
    return [first, ...others];
  }

  get readers(): readonly Reader[] {
    return this.#running.roster.readers;
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
    this.#running.mustRun();
    await waitForReplay(this.#running.roster, timeoutMs);
  }

  restart(server: Server, options: RestartOptions = {}): Promise<void> {
    return this.#change(() =>
      restart(this.#site, this.#running, this.#running.roster.find(server), options),
    );
  }

  promote(reader: Reader, options: PromoteOptions = {}): Promise<void> {
    return this.#change(() =>
      promote(this.#site, this.#running, this.#running.roster.findReader(reader), options),
    );
  }

  addReader(): Promise<Reader> {
    return this.#change(() => addReader(this.#site, this.#running));
  }

  removeReader(reader: Reader): Promise<void> {
    return this.#change(() =>
      removeServer(this.#site, this.#running, this.#running.roster.findReader(reader)),
    );
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#running.tearDown(this.#site);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Changes who is there, or who is the writer, after the changes before. */
  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    return this.#running.changes.take(async () => {
      this.#running.mustRun();
      try {
        return await act();
      } catch (error) {
        // Whatever it was that failed, this is why.
        this.#running.mustRun();
        throw error;
      }
    });
  }
}
