import { rm } from "node:fs/promises";
import { ClusterError } from "./errors.ts";
import type { OpenGateway } from "./iam/gateway.ts";
import { Postmaster } from "./postmaster.ts";
import type { Relay } from "./relay.ts";
import { Roster } from "./roster.ts";
import { dataOf, logOf, type Site } from "./site.ts";
import { Turns } from "./turns.ts";
import { WriterEndpoint } from "./writer-endpoint.ts";

const QUIT_TIMEOUT_MS = 5_000;
// Long: a writer that is cut short here has not sent its readers everything.
const CLEAN_TIMEOUT_MS = 30_000;

/** What there is of a cluster while it runs, and has to be closed again. */
export class Running {
  /** All processes of servers that are there, also of those that nobody can use yet, or any more. */
  readonly postmasters = new Set<Postmaster>();
  readonly relays = new Set<Relay>();
  readonly roster = new Roster();
  readonly writerEndpoint = new WriterEndpoint(this.roster);
  /** Changes of who is there and who is the writer. */
  readonly changes = new Turns();
  gateway: OpenGateway | undefined;
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Starts a server on a data folder that is ready.
   *
   * @throws ClusterError `START_FAILED` when the program cannot be run, `STOPPED`
   */
  start(site: Site, name: string, port: number): Postmaster {
    this.mustRun();
    const { binaries, account, watchdog } = site;
    const postmaster = Postmaster.start({
      name,
      bin: binaries.bin,
      data: dataOf(site, name),
      logFile: logOf(site, name),
      port,
      account,
      guard: watchdog,
    });
    this.postmasters.add(postmaster);
    watchdog.started(postmaster.pid);
    void postmaster.ended.then(() => {
      this.postmasters.delete(postmaster);
      watchdog.ended(postmaster.pid);
    });
    return postmaster;
  }

  /** Closes everything, and removes what is on disk. */
  async tearDown(site: Site): Promise<void> {
    this.#stopped = true;
    this.writerEndpoint.catchUp();
    // Whoever waits for an answer of theirs would wait for ever.
    const frozen = [...this.postmasters].filter((postmaster) => postmaster.frozen);
    await Promise.all(frozen.map((postmaster) => postmaster.kill()));
    await Promise.all([this.gateway, ...this.relays].map((one) => one?.close()));
    await Promise.all(this.roster.servers.map((server) => server.release()));
    await endAtOnce([...this.postmasters]);
    // A change that was on its way has nothing to hold on to any more, and fails.
    await this.changes.take(async () => {});
    await rm(site.folder, { recursive: true, force: true, maxRetries: 5 });
    await site.watchdog.finish();
  }

  /** @throws ClusterError `STOPPED` after the cluster was stopped */
  mustRun(): void {
    if (this.#stopped) throw new ClusterError("STOPPED", "The cluster was stopped.");
  }
}

/** Ends servers by PostgreSQL's immediate shutdown: without a last checkpoint, as a crash does. */
export async function endAtOnce(postmasters: readonly Postmaster[]): Promise<void> {
  for (const postmaster of postmasters) postmaster.signal("SIGQUIT");
  const late = setTimeout(() => {
    for (const postmaster of postmasters) void postmaster.kill();
  }, QUIT_TIMEOUT_MS);
  await Promise.all(postmasters.map((postmaster) => postmaster.end()));
  clearTimeout(late);
}

/** Ends a server in order: clients are told, and readers get all that was written. */
export async function endCleanly(postmaster: Postmaster): Promise<void> {
  postmaster.signal("SIGINT");
  const late = setTimeout(() => void endAtOnce([postmaster]), CLEAN_TIMEOUT_MS);
  await postmaster.end();
  clearTimeout(late);
}
