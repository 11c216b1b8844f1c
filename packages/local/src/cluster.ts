import type { Breakable } from "./breakable.ts";
import type { Endpoint } from "./endpoint.ts";
import type { IamGateway } from "./iam/gateway.ts";
import type { PromoteOptions } from "./promote.ts";
import type { RestartOptions } from "./restart.ts";
import type { Reader, Server } from "./server.ts";

/** A running cluster: one writer and its readers, with endpoints in front. */
export interface Cluster extends Breakable, AsyncDisposable {
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
  /** {@link Reader.lag} on every reader that runs. */
  lag(milliseconds: number): Promise<void>;
  /** {@link Reader.pauseReplay} on every reader that runs. */
  pauseReplay(): Promise<void>;
  /** {@link Reader.resumeReplay} on every reader that runs. */
  resumeReplay(): Promise<void>;
  /**
   * Waits until every reader that runs, follows the writer and is not paused has applied everything
   * that the writer has written before this call.
   *
   * @param timeoutMs in milliseconds; default: 10000
   * @throws ClusterError `TIMEOUT`, `NOT_RUNNING` when the writer does not run, or `STOPPED`
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
   * An old writer that is down, frozen or has vanished is not needed, and stays in the cluster as
   * it is: the last of `servers`, until {@link Cluster.heal} makes a reader of it. The reader then
   * gets what other readers have received and it has not, so that nothing is lost that any of them
   * has.
   *
   * @throws ClusterError `INVALID_OPTION` when it is no reader of this cluster, `NOT_RUNNING`,
   * `TIMEOUT` or `STOPPED`
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
   * lag stays. A server that is stopped, crashed, frozen or vanished comes back by this as well; one
   * whose place as the writer another one has taken still writes.
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
