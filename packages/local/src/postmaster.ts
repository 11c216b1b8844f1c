import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { serverEnvironment, spawnIdentity } from "./command.ts";
import { ClusterError } from "./errors.ts";
import { signalAll, stopTree } from "./process-tree.ts";
import { removeSharedMemory, sharedMemoryOf } from "./shared-memory.ts";
import { poll } from "./wait.ts";

export interface PostmasterOptions {
  readonly name: string;
  /** The folder with `postgres`. */
  readonly bin: string;
  /** The data folder. */
  readonly data: string;
  /** The file that gets what the server writes to standard error. */
  readonly logFile: string;
  readonly port: number;
  readonly account: Account | undefined;
  /** Who ends the processes that are frozen, should this process end before they go on. */
  readonly guard: { started(pid: number): void; ended(pid: number): void };
}

/** A running `postgres`: the process that all processes of a server descend from. */
export class Postmaster {
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  readonly #options: PostmasterOptions;
  readonly #child: ChildProcess;
  #running = true;
  /** The processes that {@link Postmaster.freeze} has stopped. */
  #frozen: readonly number[] = [];

  private constructor(options: PostmasterOptions, child: ChildProcess, pid: number) {
    this.#options = options;
    this.#child = child;
    this.pid = pid;
    this.ended = new Promise((resolve) => {
      child.once("exit", () => {
        this.#running = false;
        resolve();
      });
    });
    // A server never keeps this process running: what is connected to it does.
    child.unref();
  }

  /**
   * Starts a server.
   *
   * @throws ClusterError `START_FAILED` when the program cannot be run
   */
  static start(options: PostmasterOptions): Postmaster {
    const log = openSync(options.logFile, "a", 0o644);
    try {
      const child = spawn(
        join(options.bin, "postgres"),
        ["-D", options.data, "-p", String(options.port)],
        {
          ...spawnIdentity(options.account),
          cwd: options.data,
          env: serverEnvironment(options.data),
          // A session of its own: Ctrl-C in the terminal must not stop servers behind our back.
          detached: true,
          stdio: ["ignore", log, log],
        },
      );
      child.on("error", () => {});
      if (child.pid === undefined) {
        throw new ClusterError("START_FAILED", `${options.bin}/postgres could not be run.`);
      }
      return new Postmaster(options, child, child.pid);
    } finally {
      closeSync(log);
    }
  }

  get name(): string {
    return this.#options.name;
  }

  get port(): number {
    return this.#options.port;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether its processes are stopped where they were. */
  get frozen(): boolean {
    return this.#running && this.#frozen.length > 0;
  }

  /** What the server has logged. */
  log(): string {
    return readFileSync(this.#options.logFile, "utf8");
  }

  /** Whether the server ended because its port was taken. */
  get portWasTaken(): boolean {
    return !this.#running && /could not bind|could not create any TCP/.test(this.log());
  }

  /**
   * Waits until the server takes connections.
   *
   * @param deadline a time of `performance.now()`, in milliseconds
   * @throws ClusterError `START_FAILED`, with the end of the server's log
   */
  async ready(deadline: number): Promise<void> {
    const state = await poll(() => this.#state(), deadline, 5);
    if (state === "ready") return;
    const log = this.log().trimEnd().split("\n").slice(-20).join("\n");
    throw new ClusterError(
      "START_FAILED",
      state === "ended"
        ? `The server ${this.#options.name} ended while it started. The end of its log:\n${log}`
        : `The server ${this.#options.name} was not ready in time. The end of its log:\n${log}`,
    );
  }

  /** Sends a signal to the server, if it still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }

  /**
   * Stops all processes of the server where they are: nothing of it answers any more.
   *
   * @throws ClusterError `TIMEOUT`
   */
  async freeze(): Promise<void> {
    if (!this.#running || this.#frozen.length > 0) return;
    this.#frozen = await stopTree(this.pid);
    for (const child of this.#children()) this.#options.guard.started(child);
  }

  /** Has all processes go on. */
  thaw(): void {
    signalAll(this.#frozen, "SIGCONT");
    this.#forgetFrozen();
  }

  /** Kills all processes of the server at once, and resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#running) return;
    await this.freeze();
    const sharedMemory = sharedMemoryOf(this.#lockFile(), this.#frozen);
    // The postmaster is the last of them, and stopped: it notices nothing of the others' end.
    signalAll(this.#frozen, "SIGKILL");
    await this.end();
    this.#forgetFrozen();
    await removeSharedMemory(sharedMemory, this.#options.account);
  }

  /** Waits for the end of the process, and lets nothing else end this one meanwhile. */
  async end(): Promise<void> {
    if (!this.#running) return;
    this.#child.ref();
    await this.ended;
  }

  #children(): readonly number[] {
    return this.#frozen.filter((pid) => pid !== this.pid);
  }

  #forgetFrozen(): void {
    for (const child of this.#children()) this.#options.guard.ended(child);
    this.#frozen = [];
  }

  #state(): "ready" | "ended" | undefined {
    if (!this.#running) return "ended";
    // The eighth line of the lock file is how a server tells pg_ctl that it is up. A reader that
    // does not take queries yet says "standby" there.
    const lines = this.#lockFile().split("\n");
    return lines[0] === String(this.pid) && lines[7]?.trim() === "ready" ? "ready" : undefined;
  }

  #lockFile(): string {
    try {
      return readFileSync(join(this.#options.data, "postmaster.pid"), "utf8");
    } catch {
      return "";
    }
  }
}
