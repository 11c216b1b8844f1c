import { addReader } from "./add-reader.ts";
import type { Cluster } from "./cluster.ts";
import { type DemoteOptions, demote } from "./demote.ts";
import type { Endpoint } from "./endpoint.ts";
import { crash, freeze, shutDown, vanish } from "./faults.ts";
import { heal } from "./heal.ts";
import type { IamGateway } from "./iam/gateway.ts";
import { type PromoteOptions, promote } from "./promote.ts";
import { removeServer } from "./remove-server.ts";
import { waitForReplay } from "./replay.ts";
import { type RestartOptions, restart } from "./restart.ts";
import type { Running } from "./running.ts";
import type { LocalServer, Reader, Server } from "./server.ts";
import type { Site } from "./site.ts";

const REPLAY_TIMEOUT_MS = 10_000;

type Fault = (site: Site, running: Running, server: LocalServer) => Promise<void>;

/** The cluster that {@link startCluster} gives. */
export class LocalCluster implements Cluster {
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
    await Promise.all(this.#runningReaders.map((reader) => reader.lag(milliseconds)));
  }

  async pauseReplay(): Promise<void> {
    await Promise.all(this.#runningReaders.map((reader) => reader.pauseReplay()));
  }

  async resumeReplay(): Promise<void> {
    await Promise.all(this.#runningReaders.map((reader) => reader.resumeReplay()));
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

  crash(server: Server): Promise<void> {
    return this.#break(server, crash);
  }

  shutDown(server: Server): Promise<void> {
    return this.#break(server, shutDown);
  }

  demote(options: DemoteOptions = {}): Promise<void> {
    return this.#change(() => demote(this.#site, this.#running, options));
  }

  freeze(server: Server): Promise<void> {
    return this.#break(server, freeze);
  }

  vanish(server: Server): Promise<void> {
    return this.#break(server, vanish);
  }

  heal(): Promise<void> {
    return this.#change(() => heal(this.#site, this.#running));
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#running.tearDown(this.#site);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** @throws ClusterError `STOPPED` */
  get #runningReaders(): readonly Reader[] {
    this.#running.mustRun();
    return this.readers.filter(({ state }) => state === "running");
  }

  #break(server: Server, fault: Fault): Promise<void> {
    return this.#change(() => fault(this.#site, this.#running, this.#running.roster.find(server)));
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
