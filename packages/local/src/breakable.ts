import type { DemoteOptions } from "./demote.ts";
import type { Server } from "./server.ts";

/**
 * What can be broken on purpose, and put back. Each resolves when it is done; several at once are
 * done one after the other. Faults of the network are on {@link Endpoint}s.
 */
export interface Breakable {
  /**
   * Kills all processes of a server at once (SIGKILL). Open connections are reset; those that are
   * led there from then on are reset as well, by the role endpoints too. The writer is the writer
   * until another one is promoted; the reader endpoint leads to a crashed reader in its turn.
   *
   * @throws ClusterError `INVALID_OPTION` when it is not in this cluster, `TIMEOUT` or `STOPPED`
   * @example
   * const [writer] = cluster.servers;
   * await cluster.crash(writer);
   * await cluster.promote(cluster.readers[0], { endpointDelayMs: 2_000 });
   * await cluster.heal(); // what was the writer is a reader now
   */
  crash(server: Server): Promise<void>;
  /**
   * Stops a server in order (a fast shutdown): its clients are told (`57P01`), the readers of a
   * writer get everything first, and connections to it are refused from then on: those through
   * an endpoint are reset.
   *
   * @throws ClusterError `INVALID_OPTION`, `NOT_RUNNING` or `STOPPED`
   * @example
   * await cluster.shutDown(cluster.readers[0]);
   */
  shutDown(server: Server): Promise<void>;
  /**
   * Makes the writer a reader, as a planned switchover may: a reader is promoted, and the old writer
   * follows it, while connections to the old writer stay open. Their next write is refused (`25006`).
   *
   * It is a simulation. PostgreSQL can only do that by a restart, so the endpoints keep the clients'
   * connections open across it, and put a new backend behind each, logged in with the same user,
   * database and parameters, and with the same named prepared statements. The client is told nothing,
   * also not by the parameter `in_hot_standby`. What else belongs to a session is lost: what was SET
   * in it, temporary tables, LISTEN, advisory locks, cursors WITH HOLD, statements of SQL's PREPARE.
   * A user other than the cluster's is one by SET SESSION AUTHORIZATION.
   *
   * The demotion waits for each connection to be quiet: no query under way, and no transaction.
   * Those that are not within `graceMs` are reset. Connections through the gateway for tokens, and
   * to `direct`, are not kept: they end with `57P01`. New ones to the old writer wait meanwhile.
   *
   * @throws ClusterError `INVALID_OPTION` when `to` is no reader of this cluster or there is none,
   * `NOT_RUNNING`, `START_FAILED`, `TIMEOUT` or `STOPPED`
   * @example
   * const [writer] = cluster.servers;
   * await cluster.demote();
   * console.log(writer.role, cluster.servers[0].role); // reader writer
   */
  demote(options?: DemoteOptions): Promise<void>;
  /**
   * Stops all processes of a server where they are (SIGSTOP). Connections stay open, new ones are
   * accepted by the kernel, and nothing is answered; also not to the other servers.
   *
   * @throws ClusterError `INVALID_OPTION`, `NOT_RUNNING`, `TIMEOUT` or `STOPPED`
   * @example
   * await cluster.freeze(cluster.readers[0]);
   */
  freeze(server: Server): Promise<void>;
  /**
   * Makes the host of a server vanish: on every endpoint, open connections to it go silent, and new
   * ones that are led to it are never answered. It is frozen as well, so that it says nothing to
   * the other servers either. When another one is promoted, new connections through the writer
   * endpoint reach that one, while the open ones stay silent. Those of the gateway for tokens and
   * of `direct` are silent because the server is frozen.
   *
   * @throws ClusterError `INVALID_OPTION`, `NOT_RUNNING`, `TIMEOUT` or `STOPPED`
   * @example
   * const [writer] = cluster.servers;
   * await cluster.vanish(writer);
   * await cluster.promote(cluster.readers[0]);
   */
  vanish(server: Server): Promise<void>;
  /**
   * Puts everything back: faults of endpoints end, the writer endpoint leads to the writer, servers
   * that are stopped, crashed, frozen or vanished run again, and lags and pauses end. Resolves when
   * all servers but the writer are readers that stream from it and have applied all that it has
   * written.
   *
   * A server that cannot just go on, because it was the writer when another one was promoted, or
   * follows another one, comes back with a copy of the writer's data: connections to it are cut,
   * and what only it had is lost. That ends a split brain as well.
   *
   * @throws ClusterError `START_FAILED`, `TIMEOUT`, `PORT_IN_USE` or `STOPPED`
   * @example
   * cluster.reader.blackhole();
   * await cluster.crash(cluster.servers[0]);
   * await cluster.heal();
   */
  heal(): Promise<void>;
}
