import type { ClientBase } from "pg";
import type { Endpoint } from "../config/endpoint.ts";
import type { Companions } from "../servers/companions.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { Examined, WriterRole } from "../servers/not-the-writer.ts";
import { isQuiet, isUsable } from "../servers/pg-internals.ts";
import type { Opened } from "../servers/sides.ts";
import type { Classification } from "../statements/types.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type Demand, demandOf, type FreshnessWish } from "./demand.ts";
import { type VisibleEffects, visibleEffects } from "./effects.ts";
import { type Introduction, introduce, probe } from "./introduction.ts";
import { lagOf, measureLag, proves } from "./lag.ts";
import type { Line } from "./line.ts";
import { later, type Position } from "./position.ts";
import { ProcessShare } from "./process-share.ts";
import { ReaderGuard, wantedBy } from "./reader-guard.ts";
import { KnownCluster } from "./registry.ts";
import { ReplayWatch } from "./replay-watch.ts";
import { ServerState } from "./server-state.ts";
import { type SessionHome, SessionLine } from "./session.ts";
import type { FreshnessSettings } from "./settings.ts";
import { WriteWatch } from "./write-watch.ts";

/** Why a read must go to the writer, before any reader is asked. */
export type StaleReason = "strong" | "write-pending" | "position-unknown" | "time-window";

/** What is done about a read whose reader was behind. */
export type Remedy = "reader" | "fresher-reader" | "waited" | "reader-behind" | "session-moved";

/** What freshness needs of the connections. */
export interface FreshnessServers {
  /** Asks the writer where it stands, on a connection of its pool; `undefined`: it cannot be asked. */
  askWriter(): Promise<Position | undefined>;
  /** Connections to readers that are open and idle. */
  idleReaders(): readonly EndpointClient[];
  /** Called when there is a newer timeline: some server was promoted. */
  promoted(): void;
  /** Called once when a server knows no positions at all. */
  withoutPositions(endpoint: string): void;
  /** Called once for a reader's endpoint that is a pooler, and not a server. */
  pooled(endpoint: string): void;
  /** Called once when the position of the process sends many reads to the writer. */
  processPositionCosts(share: number): void;
}

/** A server that says nothing of itself: it has no positions. */
function silentServer(): ServerState {
  return new ServerState({
    run: "",
    startedAt: "",
    maker: undefined,
    timeline: 0,
    replays: false,
    segmentBytes: 1,
  });
}

/** A reader that connections lead to. */
interface ReachedReader {
  connections: number;
  readonly endpoint: string;
}

/** A server that was asked this many milliseconds ago has hardly moved. */
const recentMillis = 10;

/** How fresh the reads of one pool must be, and what becomes of its writes. */
export class Freshness {
  readonly settings: FreshnessSettings;
  readonly counts = { guarded: 0, behind: 0, waited: 0, asked: 0 };
  readonly processShare: ProcessShare;
  readonly #known: KnownCluster;
  readonly #servers: FreshnessServers;
  readonly #hasReaders: boolean;
  readonly #watch: ReplayWatch;
  /** The readers that connections lead to. */
  readonly #readerRuns = new Map<ServerState, ReachedReader>();
  /** Endpoints that are poolers. */
  readonly #pooled = new Set<string>();
  readonly #home: SessionHome;
  #processDemand: { readonly line: Line; readonly demand: Demand } | undefined;
  /** A question to the writer that is under way, and the one that follows it. */
  #asking: Promise<Position | undefined> | undefined;
  #askingNext: Promise<Position | undefined> | undefined;
  readonly #remedies = new Set<Promise<Remedy>>();
  #ending = false;
  /** The newest timeline of any server that this pool has reached. */
  #timeline = 0;

  constructor(
    settings: FreshnessSettings,
    writer: Endpoint,
    readers: number,
    servers: FreshnessServers,
  ) {
    this.settings = settings;
    this.#servers = servers;
    this.processShare = new ProcessShare((share) => servers.processPositionCosts(share));
    this.#hasReaders = readers > 0;
    this.#known = new KnownCluster(writer.name, writer.client.database);
    if (this.#hasReaders && this.#keepsProcess) this.#known.state.readerPools += 1;
    this.#watch = new ReplayWatch({
      idle: () => servers.idleReaders(),
      serverOf: (client) => this.serverOf(client),
      system: () => this.#known.state.system ?? "",
    });
    const known = this.#known;
    this.#home = {
      get system() {
        return known.state.system;
      },
      get cluster() {
        return known.state;
      },
      secrets: settings.secrets,
      windowMillis: settings.windowMillis,
    };
  }

  /** Whether writes outside of sessions are followed. */
  get #keepsProcess(): boolean {
    const { consistency = "process", maxStaleness } = this.settings;
    return consistency === "process" || maxStaleness !== undefined;
  }

  get cluster(): ClusterState {
    return this.#known.state;
  }

  /**
   * What holds for a statement that is called now.
   *
   * @param own - stands in place of the line of the process
   */
  demand(
    session: SessionLine | undefined,
    wish: FreshnessWish | undefined,
    own?: Line | undefined,
  ): Demand {
    const { line } = this.#known.state;
    if (session === undefined && wish === undefined && own === undefined) {
      if (this.#processDemand?.line !== line) {
        this.#processDemand = { line, demand: demandOf(this.settings, undefined, line) };
      }
      return this.#processDemand.demand;
    }
    const { consistency, maxStaleness } = this.settings;
    return demandOf({ consistency, maxStaleness, ...wish }, session, own ?? line);
  }

  /** What a statement does to what others can see; of one that cannot be seen: anything. */
  effectsOf(facts: Classification | undefined): VisibleEffects {
    return visibleEffects(facts, this.settings.ignored);
  }

  /** Opens a session inside another one, if that is of this pool. */
  session(outer: SessionLine | undefined): SessionLine {
    return new SessionLine(this.#home, outer?.cluster === this.#home.cluster ? outer : undefined);
  }

  /** Whether a session counts for this pool. */
  owns(session: SessionLine): boolean {
    return session.cluster === this.cluster;
  }

  /** Why a read cannot go to a reader at all now, if it cannot. */
  staleness({ line, strong, maxStaleness }: Demand): StaleReason | undefined {
    if (strong) return "strong";
    if (line !== undefined) {
      if (line.pending) return "write-pending";
      if (line.unknown) return "position-unknown";
      if (line.windowMillis > 0) return "time-window";
    }
    if (maxStaleness !== undefined) return this.#ageUnknown(maxStaleness);
    return undefined;
  }

  /** Without a recent sample nobody knows how old what a reader shows is. */
  #ageUnknown(maxStaleness: number): StaleReason | undefined {
    const { samples } = this.cluster;
    const now = performance.now();
    const latest = samples.latest ?? Number.NEGATIVE_INFINITY;
    // One that is half as old as is allowed is replaced beside the caller's path.
    if (now - latest > maxStaleness / 2) void this.askWriter();
    return samples.since(now - maxStaleness) === undefined ? "position-unknown" : undefined;
  }

  /** Whether a token asks for something that only the writer can tell. */
  isDoubtful({ line }: Demand): boolean {
    return line?.doubtful === true;
  }

  /** Whether there is something that a read must see. */
  wants(demand: Demand): boolean {
    return wantedBy(demand, this.cluster) !== undefined;
  }

  /** Asks the writer what a doubtful token may stand for. */
  async resolveDoubt({ line }: Demand): Promise<void> {
    if (line === undefined) return;
    const { mark } = line;
    const position = await this.askWriter();
    if (position === undefined) line.lose();
    else line.cover(position, mark);
  }

  /** Which of the idle connections to readers is best for a read. */
  preference(demand: Demand): ((client: ClientBase) => boolean) | undefined {
    if (this.#readerRuns.size < 2) return undefined;
    const { session } = demand;
    const tied = session?.shownBy ?? session?.lastReader;
    const wanted = wantedBy(demand, this.cluster);
    if (tied === undefined && (wanted === undefined || this.#allCover(wanted))) return undefined;
    if (tied !== undefined && (wanted === undefined || tied.covers(wanted))) {
      return (client) => this.serverOf(client) === tied;
    }
    return (client) => {
      const server = this.serverOf(client);
      return server !== undefined && (wanted === undefined || server.covers(wanted));
    };
  }

  /** Whether all readers were asked just now, since it was written, and none has what a read wants. */
  isHopeless(demand: Demand): boolean {
    const wanted = wantedBy(demand, this.cluster);
    if (wanted === undefined || this.#readerRuns.size === 0) return false;
    let checkedAt = Number.POSITIVE_INFINITY;
    for (const server of this.#readerRuns.keys()) {
      if (server.covers(wanted) || !server.replays) return false;
      checkedAt = Math.min(checkedAt, server.checkedAt);
    }
    const { line } = demand;
    const written = line?.position === wanted ? line.since : 0;
    if (checkedAt < written || checkedAt < performance.now() - recentMillis) return false;
    this.#watch.want(wanted);
    return true;
  }

  #allCover(wanted: Position): boolean {
    for (const server of this.#readerRuns.keys()) if (!server.covers(wanted)) return false;
    return true;
  }

  /**
   * A write is on its way, and its connection will tell where it was made.
   *
   * @returns to be called when it has its answer; `undefined` for what writes nothing
   */
  expectWrite(facts: Classification | undefined, demand: Demand): (() => void) | undefined {
    if (demand.session === undefined && this.cluster.readerPools === 0) return undefined;
    const { writes, commits } = visibleEffects(facts, this.settings.ignored);
    if (!writes && !commits) return undefined;
    const { lines } = demand;
    const marks = lines.map((line) => line.begin());
    return () => {
      for (const [index, line] of lines.entries()) line.settle("nothing", marks[index] ?? 0);
    };
  }

  /** What must leave with a statement on this connection; `"behind"`: it must not be sent there. */
  attend(
    client: EndpointClient,
    facts: Classification | undefined,
    demand: Demand | undefined,
    streams: boolean,
  ): Companions | "behind" | undefined {
    if (demand === undefined) return undefined;
    const { care } = client;
    if (care instanceof WriteWatch) {
      if (care.server === undefined) this.#meetSoon(client, care, demand);
      return care.attend(facts, demand, streams);
    }
    if (!(care instanceof ReaderGuard)) return undefined;
    const companions = care.attend(facts, demand, streams);
    if (companions !== "behind" && companions?.proof !== undefined) this.counts.guarded += 1;
    return companions;
  }

  /** Gives a new connection what looks after it. */
  watchWriter(client: EndpointClient): WriteWatch {
    const watch = new WriteWatch(
      {
        ignored: this.settings.ignored,
        windowMillis: this.settings.windowMillis,
        cluster: () => this.cluster,
      },
      client,
    );
    client.care = watch;
    return watch;
  }

  /**
   * Learns which server a new connection has reached.
   *
   * @returns the cluster's system identifier, if it may be asked, and what the server is
   */
  async opened(client: EndpointClient): Promise<Opened> {
    const introduction = await meetServerOf(client);
    const system = introduction?.system;
    if (client.side === "writer") {
      if (system !== undefined) this.#known.identify(system);
      const watch = this.watchWriter(client);
      watch.server =
        introduction === undefined ? silentServer() : await this.#serverOf(client, introduction);
      return { system, role: this.#roleOf(client, watch.server) };
    }
    return { system: await this.#guard(client, introduction), role: "reader" };
  }

  /** The newest timeline that any server of the cluster has shown; 0: none has. */
  get timeline(): number {
    return this.#timeline;
  }

  /** What a server is now, asked on a connection to it. */
  async examine(client: EndpointClient): Promise<Examined> {
    // It has said so at login, and there is nothing more to know.
    if (client.standby === true) return { role: "reader", timeline: 0, startedAt: "" };
    const server = await this.meet(client);
    if (server !== undefined) {
      const { timeline, startedAt } = server;
      return { role: this.#roleOf(client, server), timeline, startedAt };
    }
    return { role: "writer", timeline: 0, startedAt: "" };
  }

  /** Which server a connection has reached, asked there. */
  async meet(client: EndpointClient): Promise<ServerState | undefined> {
    const introduction = await meetServerOf(client);
    return introduction && this.#serverOf(client, introduction);
  }

  /** Of two servers that both can be written to, the one on the newer timeline is the writer. */
  #roleOf(client: EndpointClient, { replays, timeline }: ServerState): WriterRole {
    if (replays || client.standby === true) return "reader";
    return timeline > 0 && timeline < this.#timeline ? "outdated" : "writer";
  }

  async #guard(
    client: EndpointClient,
    introduction: Introduction | undefined,
  ): Promise<string | undefined> {
    const system = introduction?.system;
    // A reader of another cluster is found by others.
    if (system !== undefined && this.cluster.system === undefined) this.#known.identify(system);
    const guard = new ReaderGuard(
      {
        cluster: () => this.cluster,
        wanted: (position) => this.#watch.want(position),
      },
      client,
    );
    client.care = guard;
    if (introduction === undefined) return system;
    if (introduction.pooled) {
      // The next statement may be another server's: none of them proves anything.
      if (!this.#pooled.has(client.endpointName)) this.#servers.pooled(client.endpointName);
      this.#pooled.add(client.endpointName);
      return system;
    }
    const server = await this.#serverOf(client, introduction);
    guard.server = server;
    const reached = this.#reachedBy(server, client);
    reached.connections += 1;
    client.once("end", () => {
      reached.connections -= 1;
      if (reached.connections === 0) this.#readerRuns.delete(server);
    });
    return system;
  }

  #reachedBy(server: ServerState, { endpointName }: EndpointClient): ReachedReader {
    const known = this.#readerRuns.get(server);
    if (known !== undefined) return known;
    const taken = new Set([...this.#readerRuns.values()].map(({ endpoint }) => endpoint));
    let endpoint = endpointName;
    for (let nth = 2; taken.has(endpoint); nth += 1) endpoint = `${endpointName}#${nth}`;
    const reached = { connections: 0, endpoint };
    this.#readerRuns.set(server, reached);
    return reached;
  }

  /** The endpoint by which a reader was reached first; of the second one behind it with `#2`. */
  endpointOf(server: ServerState): string {
    return this.#readerRuns.get(server)?.endpoint ?? "";
  }

  /** A connection that was opened without asking is asked once somebody needs to know. */
  #meetSoon(client: EndpointClient, watch: WriteWatch, { session }: Demand): void {
    const nobodyAsks =
      session === undefined && this.cluster.readerPools === 0 && watch.transactionId === undefined;
    if (watch.isMet || nobodyAsks) return;
    watch.isMet = true;
    setImmediate(() => {
      // Never inside a transaction, which a question that is refused would abort.
      const isFree = isQuiet(client) || client.isShared;
      const idle = isFree && client.getTransactionStatus() === "I";
      if (idle && isUsable(client)) void this.#meet(client, watch);
      else watch.isMet = false;
    });
  }

  /** Learns the server of a connection that was opened without asking. */
  async #meet(client: EndpointClient, watch: WriteWatch): Promise<void> {
    try {
      const introduction = await meetServerOf(client);
      if (introduction === undefined) return;
      if (introduction.system !== undefined) this.#known.identify(introduction.system);
      watch.server = await this.#serverOf(client, introduction);
    } catch {
      // The connection is lost: whoever uses it learns of that.
    }
  }

  async #serverOf(client: EndpointClient, introduction: Introduction): Promise<ServerState> {
    const server = await this.#stateOf(client, introduction);
    const before = this.#timeline;
    if (server.timeline > before) {
      this.#timeline = server.timeline;
      if (before > 0) this.#servers.promoted();
    }
    return server;
  }

  async #stateOf(client: EndpointClient, introduction: Introduction): Promise<ServerState> {
    const { cluster } = this;
    // Pools that were told to use other positions know the same server otherwise.
    const run = `${introduction.run} ${this.settings.positions}`;
    const met = cluster.servers.get(run);
    if (isStill(met, introduction)) return met;
    const { maker, timeline } = await probe(client, introduction, this.settings.positions);
    if (maker === undefined) this.#servers.withoutPositions(client.endpointName);
    const again = cluster.servers.get(run);
    if (isStill(again, introduction)) return again;
    const server = new ServerState({ ...introduction, run, maker, timeline });
    cluster.addServer(server);
    return server;
  }

  /** When the server of a connection was started; empty: not known. */
  startOf(client: ClientBase): string {
    return this.serverOf(client)?.startedAt ?? "";
  }

  serverOf(client: ClientBase): ServerState | undefined {
    const { care } = client as EndpointClient;
    return care instanceof ReaderGuard || care instanceof WriteWatch ? care.server : undefined;
  }

  /** Where the writer behind this connection stands. */
  positionOf(client: EndpointClient): Promise<Position | undefined> {
    const { care } = client;
    return care instanceof WriteWatch ? care.position() : Promise.resolve(undefined);
  }

  /**
   * Where the writer stands now. Callers at the same time share one question: not one that was sent
   * already, since what they ask for may have been written behind it, but the next.
   */
  askWriter(): Promise<Position | undefined> {
    const under = this.#asking;
    if (under === undefined) {
      this.#asking = this.#ask();
      return this.#asking;
    }
    this.#askingNext ??= under.then(() => {
      this.#askingNext = undefined;
      this.#asking = this.#ask();
      return this.#asking;
    });
    return this.#askingNext;
  }

  async #ask(): Promise<Position | undefined> {
    this.counts.asked += 1;
    const position = await this.#servers.askWriter().catch(() => undefined);
    if (this.#askingNext === undefined) this.#asking = undefined;
    return position;
  }

  /**
   * A reader was behind: looks for another way.
   *
   * @param tries - readers that were tried before
   */
  async remedy(demand: Demand, tries: number): Promise<Remedy> {
    this.counts.behind += 1;
    if (this.#ending) return "reader-behind";
    const search = this.#remedy(demand, tries);
    this.#remedies.add(search);
    return search.finally(() => this.#remedies.delete(search));
  }

  async #remedy(demand: Demand, tries: number): Promise<Remedy> {
    const { line, session } = demand;
    const wanted = wantedBy(demand, this.cluster);
    if (wanted === undefined) return "session-moved";
    if (session?.shownBy?.covers(wanted) === true) return "session-moved";
    if (line?.position === wanted && !(await this.#canBeReached(line, wanted))) {
      return tries < 2 ? "reader" : "reader-behind";
    }
    if (tries >= 2) return "reader-behind";
    if (session?.shownBy === undefined && this.#fresher(wanted)) return "fresher-reader";
    if (await this.#waitFor(wanted, demand)) {
      this.counts.waited += 1;
      return "waited";
    }
    return "reader-behind";
  }

  /** Whether waiting for a position makes sense; if not, it was replaced by one that does. */
  async #canBeReached(line: Line, wanted: Position): Promise<boolean> {
    const makers = this.readers().map(({ maker }) => maker);
    if (makers.length > 0 && makers.every((maker) => !proves(maker, wanted))) {
      const { mark } = line;
      const now = await this.askWriter();
      if (now === undefined || makers.every((maker) => !proves(maker, now))) return true;
      line.cover(now, mark);
      return false;
    }
    return this.cluster.knows(wanted) || this.#isGenuine(line, wanted);
  }

  /**
   * Whether a position that is ahead of everything known here can be one of the writer's: another
   * process may have written just now. If it is not, it is forgotten, or replaced.
   */
  async #isGenuine(line: Line, wanted: Position): Promise<boolean> {
    const now = await this.askWriter();
    if (line.position !== wanted || this.cluster.knows(wanted)) return true;
    if (now === undefined) return this.#goesOn(line, wanted);
    const ahead = later(now, wanted) === wanted;
    if (ahead && line.trusted) return true;
    // Ahead of the writer: nobody has ever given it out. Of another cluster, or of an older
    // timeline: everything that is left of that the writer shows now.
    line.replace(ahead ? undefined : now);
    return false;
  }

  /**
   * Whether a position may still be reached, as far as the readers tell. Where they follow a newer
   * timeline, whoever has come as far on that has all of it that is left.
   */
  #goesOn(line: Line, wanted: Position): boolean {
    const { maker, system } = wanted;
    const newer = this.readers().find(
      ({ reached, timeline }) =>
        reached?.maker === maker && reached.system === system && timeline > wanted.timeline,
    );
    if (newer === undefined) return true;
    line.replace({ ...wanted, timeline: newer.timeline });
    return false;
  }

  /** Whether an idle connection leads to a reader that has it. */
  #fresher(wanted: Position): boolean {
    return this.#servers
      .idleReaders()
      .some((client) => this.serverOf(client)?.covers(wanted) === true);
  }

  /** Waits for a reader, if one can be expected to get there in time. */
  async #waitFor(wanted: Position, { line }: Demand): Promise<boolean> {
    const { waitMillis } = this.settings;
    if (waitMillis <= 0) return false;
    const age = performance.now() - (line?.since ?? 0);
    const servers = this.readers().filter(({ maker }) => maker !== undefined);
    const expected = Math.min(...servers.map((server) => this.lagOf(server) ?? 0));
    if (servers.length === 0 || age + waitMillis < expected) return false;
    return new Promise((resolve) => {
      const stops: (() => void)[] = [];
      const end = (reached: boolean): void => {
        clearTimeout(timer);
        for (const stop of stops) stop();
        resolve(reached);
      };
      const timer = setTimeout(end, waitMillis, false);
      for (const server of servers) stops.push(server.whenReached(wanted, () => end(true)));
      this.#watch.want(wanted);
      this.#watch.hurry();
    });
  }

  /** How far behind the writer a server was when it was asked last, in milliseconds. */
  lagOf(server: ServerState): number | undefined {
    return lagOf(this.cluster, server);
  }

  /**
   * Asks a reader how far it is behind what the writer was seen at last.
   *
   * @returns milliseconds, at least; `undefined` when nobody can tell
   */
  async measureLag(client: EndpointClient): Promise<number | undefined> {
    const server = this.serverOf(client) ?? (await this.meet(client));
    return server && measureLag(this.cluster, server, client);
  }

  /** The readers that were reached. */
  readers(): readonly ServerState[] {
    return [...this.#readerRuns.keys()];
  }

  /** Ends it, once what is looked for is found; from now on the writer serves what readers lack. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#watch.end();
    if (this.#hasReaders && this.#keepsProcess) this.#known.state.readerPools -= 1;
    await Promise.all(this.#remedies);
  }
}

/** Whether what is known of a server still holds: it has not been promoted since. */
function isStill(met: ServerState | undefined, introduction: Introduction): met is ServerState {
  return met !== undefined && met.replays === introduction.replays && !met.timelineIsOld;
}

/** Asks the server of a connection who it is, and notes whether a pooler stands in front of it. */
async function meetServerOf(client: EndpointClient): Promise<Introduction | undefined> {
  const introduction = await introduce(client);
  client.isPooled = introduction?.pooled === true;
  return introduction;
}
