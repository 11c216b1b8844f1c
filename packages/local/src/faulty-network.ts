/**
 * What the network can be made to do to the connections of an endpoint. `heal()` undoes it for one
 * endpoint, {@link Cluster.heal} for all.
 */
export interface FaultyNetwork {
  /**
   * Has all packets vanish, in both directions: open connections go silent without being closed, and
   * new ones are accepted and never answered. Nothing that one side does reaches the other one, not
   * even that it hangs up. Requests to cancel vanish as well. With `refuse()` too, new connections
   * are refused.
   *
   * Until `heal()`, which brings what was sent meanwhile, as the network does by sending it again.
   *
   * @example
   * cluster.reader.blackhole();
   * setTimeout(() => cluster.reader.heal(), 100);
   * const pool = new pg.Pool(cluster.reader);
   * await pool.query("SELECT 1"); // waits for that
   * await pool.end();
   */
  blackhole(): void;
  /**
   * Resets all connections that are open now (`ECONNRESET`). New ones are as before: there is
   * nothing to be healed.
   *
   * @example
   * cluster.writer.reset();
   */
  reset(): void;
  /**
   * Has whatever clients send arrive this much later, in the same order, on connections that are
   * open and on new ones: each flight takes so much longer. Until `heal()` or `slow(0)`.
   *
   * @param milliseconds 0 for none
   * @throws ClusterError `INVALID_OPTION`
   * @example
   * cluster.reader.slow(200);
   */
  slow(milliseconds: number): void;
  /**
   * Has new connections refused at once (`ECONNREFUSED`); those that are open stay. Until `heal()`.
   *
   * @example
   * cluster.writer.refuse();
   */
  refuse(): void;
  /**
   * Undoes all this, on this endpoint only. Resolves when connections are accepted again.
   *
   * @throws ClusterError `PORT_IN_USE` when somebody else has taken the port meanwhile
   * @example
   * await cluster.reader.heal();
   */
  heal(): Promise<void>;
}
