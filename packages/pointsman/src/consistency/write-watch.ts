import type { TransactionStatus } from "pg";
import type { Behind, Companions, ConnectionCare } from "../servers/companions.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import { isQuiet } from "../servers/pg-internals.ts";
import type { Row } from "../servers/question.ts";
import type { Classification } from "../statements/types.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { Demand } from "./demand.ts";
import { type VisibleEffects, visibleEffects } from "./effects.ts";
import type { Line, Settled } from "./line.ts";
import { readAnswer, transactionIdQuestion, writerQuestion } from "./makers.ts";
import type { Position } from "./position.ts";
import type { ServerState } from "./server-state.ts";
import type { SessionLine } from "./session.ts";

/** What all connections to the writer of one pool share. */
export interface WriteWatchOptions {
  /** Tables whose writes nobody needs to see. */
  readonly ignored: ReadonlySet<string>;
  /** How long, in milliseconds, readers may lack a write where there are no positions. */
  readonly windowMillis: number;
  readonly cluster: () => ClusterState;
}

/**
 * Looks after one connection to the writer: behind each write that becomes visible it asks, in the
 * same flight, where the writer stands, and tells the lines that must see it.
 */
export class WriteWatch implements ConnectionCare {
  readonly #options: WriteWatchOptions;
  readonly #client: EndpointClient;
  /** What is known of the server; `undefined` until it was asked. */
  server: ServerState | undefined;
  /** The id of the open transaction, or of the last one, once it has one. */
  transactionId: string | undefined;
  /** Whether the server was asked who it is, or is about to be. */
  isMet = false;
  /** Lines with writes in the open transaction. */
  readonly #touched = new Set<Line>();
  /** Sessions that have read in the open transaction. */
  readonly #readers = new Set<SessionLine>();
  /** Questions behind statements that were sent and are not answered. */
  #asking = 0;
  readonly #listening = new Set<Line>();
  #notifications: Promise<void> = Promise.resolve();

  constructor(options: WriteWatchOptions, client: EndpointClient) {
    this.#options = options;
    this.#client = client;
  }

  /**
   * What must leave together with a statement that is sent now.
   *
   * @param streams - its rows reach the caller before the question behind it is answered
   */
  attend(
    facts: Classification | undefined,
    demand: Demand,
    streams = false,
  ): Companions | undefined {
    const { session, line } = demand;
    const status = this.#client.getTransactionStatus();
    const inTransaction = status === "T" || status === "E";
    if (!inTransaction) this.transactionId = undefined;
    const effects = visibleEffects(facts, this.#options.ignored);
    if (session === undefined && !this.#isWatched) {
      return inTransaction && !streams ? this.#withTransactionId(effects) : undefined;
    }
    if (effects.listens) for (const line of demand.lines) this.#listening.add(line);
    // What is in front of it in a lane opens no transaction.
    if (!isQuiet(this.#client) && !this.#client.isShared)
      return this.#attendQueued(effects, demand);
    if (!inTransaction) {
      if (effects.writes || effects.commits) return this.#behind(effects, demand.lines, session);
      if (!effects.reads) return undefined;
      // What a session has read here readers must have, and what was lost is found again.
      if (session === undefined && line?.unknown !== true) return undefined;
      return this.#behind(effects, [], session, line, streams ? session?.line : undefined);
    }
    if (effects.commits) {
      const lines = new Set([...this.#touched, ...(effects.writes ? demand.lines : [])]);
      return this.#endsTransaction(effects, lines, session);
    }
    if (effects.rollsBack) return this.#endsTransaction(effects, new Set(), session);
    if (effects.writes) for (const line of demand.lines) this.#touched.add(line);
    if (session !== undefined) this.#readers.add(session);
    return streams ? undefined : this.#withTransactionId(effects);
  }

  /** Behind the first write of a transaction: whoever loses its COMMIT can ask what became of it. */
  #withTransactionId({ writes, commits }: VisibleEffects): Companions | undefined {
    if (!writes || commits || this.transactionId !== undefined) return undefined;
    if (!isQuiet(this.#client)) return undefined;
    return {
      behind: {
        text: transactionIdQuestion,
        afterFailure: false,
        answered: (row) => {
          this.transactionId = row?.[0] ?? undefined;
        },
      },
    };
  }

  /** What others wait for in front of it is not known: whatever may write is asked behind. */
  #attendQueued(effects: VisibleEffects, demand: Demand): Companions | undefined {
    if (!effects.writes && !effects.commits) return undefined;
    const lines = new Set([...this.#touched, ...demand.lines]);
    return this.#behind(effects, [...lines], demand.session);
  }

  #endsTransaction(
    effects: VisibleEffects,
    lines: ReadonlySet<Line>,
    session: SessionLine | undefined,
  ): Companions | undefined {
    const readers = [...this.#readers];
    this.#touched.clear();
    this.#readers.clear();
    if (lines.size === 0 && readers.length === 0) return undefined;
    const [reader = session] = readers;
    return this.#behind(effects, [...lines], reader);
  }

  /** A question behind a statement: its answer settles what `lines` must see. */
  #behind(
    effects: VisibleEffects,
    lines: readonly Line[],
    session: SessionLine | undefined,
    covered = session?.line,
    /** Must wait for the answer, though nothing is written. */
    waiting?: Line,
  ): Companions {
    const marks = lines.map((line) => line.begin());
    const waitingMark = waiting?.begin() ?? 0;
    const readMark = covered?.mark ?? 0;
    const askedAt = performance.now();
    this.#asking += 1;
    const behind: Behind = {
      text: this.#question,
      afterFailure: !effects.allOrNothing,
      answered: (row, failed, status) => {
        this.#asking -= 1;
        const position = this.#read(row, askedAt);
        const settled = this.#settled(position, failed && effects.allOrNothing, status);
        for (const [index, line] of lines.entries()) line.settle(settled, marks[index] ?? 0);
        if (status === "T" && lines.length > 0) for (const line of lines) this.#touched.add(line);
        if (position !== undefined) covered?.cover(position, readMark);
        waiting?.settle(position === undefined ? "lost" : "nothing", waitingMark);
        if (position === undefined) return;
        if (session !== undefined) session.shownBy = undefined;
      },
    };
    return { behind };
  }

  #settled(
    position: Position | undefined,
    changedNothing: boolean,
    status: TransactionStatus,
  ): Settled {
    if (changedNothing) return "nothing";
    if (position === undefined) {
      const unaskable = this.server !== undefined && this.server.maker === undefined;
      return unaskable ? this.#options.windowMillis : "lost";
    }
    // Asked inside a transaction an id is that transaction's own, and may never be committed.
    return status !== "I" && position.maker === "xid" ? "lost" : position;
  }

  #read(row: Row | undefined, askedAt: number): Position | undefined {
    const { server } = this;
    if (server === undefined) return undefined;
    const cluster = this.#options.cluster();
    const answer = readAnswer(server, cluster.system ?? "", row);
    // A standby on the writer's side has nothing to say of what is written.
    if (answer?.position === undefined || answer.replays) return undefined;
    cluster.note(answer.position, askedAt);
    return answer.position;
  }

  /** Where the writer stands now. */
  position(): Promise<Position | undefined> {
    const text = this.#question;
    if (text === undefined) return Promise.resolve(undefined);
    const askedAt = performance.now();
    return new Promise((resolve) => {
      this.#client.ask(text, (_error, row) => resolve(this.#read(row, askedAt)));
    });
  }

  ready(status: TransactionStatus): void {
    if (status !== "I" || this.#asking > 0) return;
    if (this.#touched.size > 0) {
      // A transaction has ended in a way that was not seen coming.
      const lines = [...this.#touched];
      this.#touched.clear();
      this.#ask(lines, undefined);
    }
  }

  notified(emit: () => void): void {
    const { line } = this.#options.cluster();
    if (!this.#isWatched && this.#listening.size === 0) {
      emit();
      return;
    }
    const lines = [...new Set([line, ...this.#listening])];
    const asked = this.#ask(lines, this.#notifications);
    this.#notifications = asked.then(emit, emit);
  }

  /** Asks for the position by itself. Until it is known, the lines wait for it. */
  #ask(lines: readonly Line[], after: Promise<void> | undefined): Promise<void> {
    const marks = lines.map((line) => line.begin());
    const askedAt = performance.now();
    const text = this.#question;
    return new Promise((resolve) => {
      const answered = (row: Row | undefined): void => {
        const position = this.#read(row, askedAt);
        const settled = this.#settled(position, false, this.#client.getTransactionStatus());
        for (const [index, line] of lines.entries()) line.settle(settled, marks[index] ?? 0);
        if (after === undefined) resolve();
        else after.then(resolve, resolve);
      };
      if (text === undefined) answered(undefined);
      else this.#client.ask(text, (_error, row) => answered(row));
    });
  }

  /** What the server is asked for its position; absent: it cannot be asked. */
  get #question(): string | undefined {
    return this.server && writerQuestion(this.server, this.#client.isPooled);
  }

  /** Whether there is a pool whose reads depend on what is written here. */
  get #isWatched(): boolean {
    return this.#options.cluster().readerPools > 0;
  }
}
