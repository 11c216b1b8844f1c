import type { Address } from "./address.ts";
import { ControlConnection } from "./control-connection.ts";
import type { DatabaseAddress, Endpoint } from "./endpoint.ts";
import { ClusterError } from "./errors.ts";
import { parseLsn } from "./lsn.ts";
import type { Postmaster } from "./postmaster.ts";
import type { Relay } from "./relay.ts";
import { RelayEndpoint } from "./relay-endpoint.ts";
import { poll } from "./wait.ts";
import { wholeMilliseconds } from "./whole-milliseconds.ts";

/** What a server is in its cluster, or an endpoint leads to. */
export type Role = "writer" | "reader";

/**
 * How a server is:
 *
 * - `running`
 * - `stopped`: in order, by {@link Cluster.shutDown}
 * - `crashed`: its processes are gone in any other way
 * - `frozen`: its processes do not go on, see {@link Cluster.freeze}
 * - `vanished`: nothing gets to it, see {@link Cluster.vanish}
 */
export type ServerState = "running" | "stopped" | "crashed" | "frozen" | "vanished";

/** One PostgreSQL. As an {@link Endpoint} it is the instance endpoint: it leads to this server only. */
export interface Server extends Endpoint {
  /**
   * "writer", "reader1", "reader2"…; also the server's setting `cluster_name`. A reader that is
   * promoted keeps it.
   */
  readonly name: string;
  /** What it is now: {@link Cluster.promote} makes a writer of a reader. */
  readonly role: Role;
  /** How it is now. */
  readonly state: ServerState;
  /** The server's own port, without a relay in between. */
  readonly direct: DatabaseAddress;
  /** Process id of its postmaster, another one after {@link Cluster.restart}. */
  readonly pid: number;
  /**
   * What the server has logged so far.
   *
   * @throws ClusterError `STOPPED` after the cluster was stopped or the server left it
   */
  log(): string;
}

/**
 * A server that follows the writer. Once it is promoted, its methods are refused with
 * `INVALID_OPTION`.
 */
export interface Reader extends Server {
  /**
   * Makes the reader apply each commit no earlier than this many milliseconds after it was made
   * (`recovery_min_apply_delay`). Resolves when that is in force; commits that are being held back
   * at this moment keep to the new delay.
   *
   * @param milliseconds 0 for none
   * @throws ClusterError `INVALID_OPTION`, `TIMEOUT`, `NOT_RUNNING` or `STOPPED`
   * @example
   * await cluster.readers[0].lag(500);
   */
  lag(milliseconds: number): Promise<void>;
  /**
   * Makes the reader stop applying what it receives. Resolves when nothing more will be applied.
   *
   * @throws ClusterError `TIMEOUT`, `NOT_RUNNING` or `STOPPED`
   */
  pauseReplay(): Promise<void>;
  /**
   * Makes the reader go on where it was paused. Resolves at once: the reader may have much to
   * catch up with, see {@link Cluster.waitForReplay}.
   *
   * @throws ClusterError `TIMEOUT`, `NOT_RUNNING` or `STOPPED`
   */
  resumeReplay(): Promise<void>;
}

export interface ServerParts {
  readonly name: string;
  readonly role: Role;
  readonly postmaster: Postmaster;
  /** The server that it follows. */
  readonly follows: LocalServer | undefined;
  readonly relay: Relay;
  readonly direct: DatabaseAddress;
  readonly url: string;
  /** Where the cluster's own connection goes. */
  readonly control: Address;
  readonly credentials: { readonly user: string; readonly password: string };
}

const HELD_BACK = `pg_get_wal_replay_pause_state() = 'paused' OR EXISTS (
  SELECT FROM pg_stat_activity
  WHERE backend_type = 'startup' AND wait_event = 'RecoveryApplyDelay'
)`;

const CONTROL_TIMEOUT_MS = 10_000;

/** A server of a running cluster. */
export class LocalServer extends RelayEndpoint implements Reader {
  readonly name: string;
  role: Role;
  postmaster: Postmaster;
  /** The server that it follows, or was told to. */
  follows: LocalServer | undefined;
  /** Its instance endpoint. */
  readonly relay: Relay;
  readonly direct: DatabaseAddress;
  /** The cluster's own line to the server. */
  readonly control: ControlConnection;
  /** Whether it was stopped in order, which matters while it does not run. */
  endedInOrder = false;
  /** Whether it is out of everybody's reach. */
  vanished = false;
  #stopped = false;

  constructor(parts: ServerParts) {
    super(parts.relay, parts.url);
    this.name = parts.name;
    this.role = parts.role;
    this.postmaster = parts.postmaster;
    this.follows = parts.follows;
    this.relay = parts.relay;
    this.direct = parts.direct;
    this.control = new ControlConnection(() => parts.control, parts.credentials);
  }

  get pid(): number {
    return this.postmaster.pid;
  }

  get state(): ServerState {
    if (this.vanished) return "vanished";
    if (this.postmaster.frozen) return "frozen";
    if (this.postmaster.running) return "running";
    return this.endedInOrder ? "stopped" : "crashed";
  }

  /** @throws ClusterError `NOT_RUNNING` when it cannot answer */
  mustAnswer(): void {
    if (this.state === "running") return;
    throw new ClusterError(
      "NOT_RUNNING",
      `The server ${this.name} is ${this.state}. Call heal() or restart it first.`,
    );
  }

  log(): string {
    this.#mustRun();
    return this.postmaster.log();
  }

  async lag(milliseconds: number): Promise<void> {
    wholeMilliseconds("A lag", milliseconds);
    this.#mustFollow();
    // The setting takes no parameters, and an integer needs no quoting.
    await this.control.query(`ALTER SYSTEM SET recovery_min_apply_delay = ${milliseconds}`);
    await this.reload();
  }

  async pauseReplay(): Promise<void> {
    this.#mustFollow();
    await this.control.query("SELECT pg_wal_replay_pause()");
    // A commit that is held back by lag() is not applied after the delay either when a pause was
    // asked for, but until then the server does not say "paused".
    await this.#until("pause its replay", `SELECT ${HELD_BACK} AS done`);
  }

  async resumeReplay(): Promise<void> {
    this.#mustFollow();
    await this.control.query("SELECT pg_wal_replay_resume()");
    await this.#until(
      "resume its replay",
      "SELECT pg_get_wal_replay_pause_state() = 'not paused' AS done",
    );
  }

  /** Whether a reader is paused, or has a commit at hand that a lag holds back. */
  async heldBack(): Promise<boolean> {
    const [row] = await this.control.query<{ held: boolean }>(`SELECT ${HELD_BACK} AS held`);
    return row?.held === true;
  }

  /** How far a reader has the WAL, whether it has applied it or not. */
  async received(): Promise<bigint> {
    const [row] = await this.control.query<{ lsn: string | null }>(
      "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text AS lsn",
    );
    return row?.lsn ? parseLsn(row.lsn) : 0n;
  }

  /** How far a reader has replayed; `undefined` while it is paused. */
  async replayed(): Promise<bigint | undefined> {
    const [row] = await this.control.query<{ lsn: string | null; state: string }>(
      "SELECT pg_last_wal_replay_lsn()::text AS lsn, pg_get_wal_replay_pause_state() AS state",
    );
    if (row?.state !== "not paused") return undefined;
    return row.lsn === null ? 0n : parseLsn(row.lsn);
  }

  /** Frees what this object holds; the server itself is stopped by the cluster. */
  async release(): Promise<void> {
    this.#stopped = true;
    await this.control.close();
  }

  /** Makes the server read its settings; resolves when all its processes have. */
  async reload(): Promise<void> {
    // One reload makes the server send word to its processes one after the other. Our connection
    // may have it before the one that applies the WAL does; when our connection sees a second
    // reload, the first is over.
    await this.#reloadOnce();
    await this.#reloadOnce();
  }

  async #reloadOnce(): Promise<void> {
    const [before] = await this.control.query<{ at: string }>(
      "SELECT pg_conf_load_time()::text AS at FROM pg_reload_conf()",
    );
    await this.#until("reload its settings", "SELECT pg_conf_load_time()::text <> $1 AS done", [
      before?.at,
    ]);
  }

  async #until(what: string, question: string, values: readonly unknown[] = []): Promise<void> {
    const done = await poll(
      async () =>
        (await this.control.query<{ done: boolean }>(question, values))[0]?.done || undefined,
      performance.now() + CONTROL_TIMEOUT_MS,
      2,
    );
    if (done) return;
    throw new ClusterError(
      "TIMEOUT",
      `The server ${this.name} did not ${what} within ${CONTROL_TIMEOUT_MS} ms. Its log may tell why.`,
    );
  }

  #mustRun(): void {
    if (!this.#stopped) return;
    throw new ClusterError(
      "STOPPED",
      `The server ${this.name} was stopped: with its cluster, or when it left it.`,
    );
  }

  #mustFollow(): void {
    this.#mustRun();
    if (this.role === "reader") {
      this.mustAnswer();
      return;
    }
    throw new ClusterError(
      "INVALID_OPTION",
      `The server ${this.name} is a writer now, which applies nothing. Ask a reader for this.`,
    );
  }
}
