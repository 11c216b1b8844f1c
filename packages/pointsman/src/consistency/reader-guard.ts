import type { TransactionStatus } from "pg";
import type { Behind, Companions, ConnectionCare, Proof } from "../servers/companions.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { Classification } from "../statements/types.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { Demand } from "./demand.ts";
import { boundQuestion, proofQuestion, readAnswer } from "./makers.ts";
import { covers, later, type Position } from "./position.ts";
import type { ServerState } from "./server-state.ts";
import type { SessionLine } from "./session.ts";

/** What all connections to the readers of one pool share. */
export interface ReaderGuardOptions {
  readonly cluster: () => ClusterState;
  /** Something is wanted that a server has not reached. */
  readonly wanted: (position: Position) => void;
}

/** What a read must have replayed before it, all things taken together. */
export function wantedBy(demand: Demand, cluster: ClusterState): Position | undefined {
  const own = demand.line?.position;
  if (demand.maxStaleness === undefined) return own;
  const recent = cluster.samples.since(performance.now() - demand.maxStaleness);
  if (own === undefined || recent === undefined) return own ?? recent;
  return later(own, recent) ?? own;
}

/**
 * Looks after one connection to a reader: in front of a read that must see something it asks, in
 * the same flight, whether the server has replayed that.
 */
export class ReaderGuard implements ConnectionCare {
  readonly #options: ReaderGuardOptions;
  readonly #client: EndpointClient;
  server: ServerState | undefined;

  constructor(options: ReaderGuardOptions, client: EndpointClient) {
    this.#options = options;
    this.#client = client;
  }

  /**
   * What must leave together with a statement that is sent now.
   *
   * @param streams - its rows reach the caller before the question behind it is answered
   * @returns `"behind"` when it must not be sent here
   */
  attend(
    facts: Classification | undefined,
    demand: Demand,
    streams = false,
  ): Companions | "behind" | undefined {
    const { session } = demand;
    const inTransaction = this.#client.getTransactionStatus() === "T";
    const opens = facts?.transaction?.kind === "begin";
    const ends = facts?.transaction?.kind === "commit" || facts?.transaction?.kind === "rollback";
    if (inTransaction) {
      return ends && session !== undefined ? this.#withBound(undefined, session) : undefined;
    }
    const wanted = wantedBy(demand, this.#options.cluster());
    if (session?.shownBy !== undefined && session.shownBy !== this.server) return "behind";
    // Nobody knows who answers here: the next answer might be older than this one.
    if (session !== undefined && this.server === undefined) return "behind";
    const proof = wanted === undefined ? undefined : this.#proof(wanted, opens);
    if (proof === "behind") return "behind";
    if (session === undefined) return proof && { proof };
    session.lastReader = this.server;
    if (opens) {
      session.shownBy = this.server;
      return proof && { proof };
    }
    return this.#withBound(proof, session, streams);
  }

  #proof(wanted: Position, first: boolean): Proof | "behind" | undefined {
    const { server } = this;
    if (server?.covers(wanted) === true) return undefined;
    this.#options.wanted(wanted);
    if (server === undefined || server.maker === undefined) return "behind";
    if (wanted.maker === "wal" && server.maker !== "wal") return "behind";
    return {
      text: proofQuestion(server, wanted),
      first,
      holds: (row) => {
        const { system = "" } = this.#options.cluster();
        const answer = readAnswer(server, system, row, wanted);
        server.checkedAt = performance.now();
        if (answer?.position === undefined) return false;
        server.learn(answer.position);
        // Not what the server is known to have reached: another connection may have heard of that
        // since, while the read behind this answer was from before.
        return covers(answer.position, wanted);
      },
    };
  }

  /** Behind what a session reads it is asked how far that can have been. */
  #withBound(
    proof: Proof | undefined,
    session: SessionLine,
    streams = false,
  ): Companions | undefined {
    const { server } = this;
    const text = server === undefined ? undefined : boundQuestion(server);
    // Rows of a stream are shown before it is asked: until then nobody knows how far they were.
    const mark = streams ? session.line.begin() : 0;
    const behind: Behind = {
      text,
      afterFailure: false,
      answered: (row, failed) => {
        const { system = "" } = this.#options.cluster();
        const position = server && readAnswer(server, system, row)?.position;
        if (streams) {
          const lost = !failed && text !== undefined && position === undefined;
          session.line.settle(lost ? "lost" : "nothing", mark);
        }
        if (server === undefined || failed) return;
        if (position === undefined) {
          session.shownBy = server;
          return;
        }
        server.learn(position);
        session.line.raise(position);
        if (session.shownBy === server) session.shownBy = undefined;
      },
    };
    return proof === undefined ? { behind } : { proof, behind };
  }

  ready(_status: TransactionStatus): void {}

  notified(emit: () => void): void {
    emit();
  }
}
