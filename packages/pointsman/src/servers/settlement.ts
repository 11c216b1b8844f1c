import type { Client } from "pg";
import type { ConnectionLife } from "./connection-life.ts";
import { NotTheWriter } from "./not-the-writer.ts";
import { internals, isQuiet, isUsable, whenQuiet } from "./pg-internals.ts";
import { forgetPrepared, type SetUpStatement } from "./reset-session.ts";
import { SessionState } from "./session-state.ts";

type Done = (problem?: Error) => void;

/** A connection that is given back, as far as that matters here. */
export interface GivenBack extends Client {
  readonly endpointName: string;
  readonly life: ConnectionLife;
  /** A cancel request under way. */
  readonly cancelling: Promise<void> | undefined;
  /** Closes it at once. */
  cut(error: Error): void;
  askRole(answered: (role: "writer" | "reader" | undefined) => void): void;
}

/** What a settlement takes of its connection. */
export interface SettlementParts {
  /** Sends a statement past all that watches the user's. */
  readonly run: (query: unknown, values: unknown, callback: (error: unknown) => void) => void;
  /** Whether the server said that it is a standby, though it must be the writer. */
  readonly isDemoted: () => boolean;
  /** Hears, at this moment by `performance.now()`, that it is fit; whether it is used any longer. */
  readonly settled: (now: number) => boolean;
  /** Called when it was given back inside an open transaction. */
  readonly abandoned: (outcome: "rolled back" | "destroyed") => void;
}

/**
 * After so many milliseconds without use nobody knows whether a connection still leads to the
 * writer. It is shorter than any change of roles takes, and much longer than the pauses of a
 * connection that is in use.
 */
const doubtMillis = 1000;
/** How long an idle connection may take to show that it is alive, in milliseconds. */
const checkMillis = 1000;

/**
 * Brings a connection back to a state that its next user may have: nothing under way, no open
 * transaction, no state of the last user; and asks it, after a pause, whether it is still there.
 */
export class Settlement {
  /** What users have set up on the connection. */
  readonly session = new SessionState();
  readonly #client: GivenBack;
  readonly #parts: SettlementParts;
  #givenBackAt = 0;

  constructor(client: GivenBack, parts: SettlementParts) {
    this.#client = client;
    this.#parts = parts;
  }

  /** As of `Settling`. */
  settle(done: Done): void {
    const client = this.#client;
    // Most are given back as they were taken: this is all it takes to see that.
    if (this.session.isClean && !this.#parts.isDemoted() && client.cancelling === undefined) {
      if (isQuiet(client) && isUsable(client) && client.getTransactionStatus?.() === "I") {
        this.#settled(done);
        return;
      }
    }
    if (client.cancelling !== undefined) {
      client.cancelling.then(() => this.settle(done));
      return;
    }
    whenQuiet(client, () => this.#settleQuiet(done));
  }

  #settleQuiet(done: Done): void {
    const client = this.#client;
    if (!isUsable(client)) {
      done();
      return;
    }
    const status = client.getTransactionStatus?.() ?? null;
    if (status === "T" || status === "E") {
      this.#run([{ query: "ROLLBACK" }], (problem) => {
        this.#parts.abandoned(problem === undefined ? "rolled back" : "destroyed");
        if (problem === undefined) this.#settleQuiet(done);
        else done(problem);
      });
    } else if (this.#parts.isDemoted()) {
      this.#askWhetherDemoted(done);
    } else if (this.session.isSpoilt) {
      this.#spoilt(new Error("The connection carries session state that cannot be reset."), done);
    } else if (!this.session.isClean) {
      forgetPrepared(internals(client).connection);
      this.#run(this.session.resetBatch(), (problem) => {
        this.session.cleaned();
        done(problem);
      });
    } else this.#settled(done);
  }

  #settled(done: Done): void {
    this.#givenBackAt = performance.now();
    const isFit = this.#parts.settled(this.#givenBackAt);
    done(isFit ? undefined : new Error("The connection is not used any longer."));
  }

  /** An INSERT in the caller's own READ ONLY transaction is refused with the same code. */
  #askWhetherDemoted(done: Done): void {
    const client = this.#client;
    client.askRole((role) => {
      if (role === "reader") {
        const problem = new NotTheWriter(client.endpointName, "reader");
        client.life.ends("retired", problem);
        done(problem);
      } else whenQuiet(client, () => this.#settleQuiet(done));
    });
  }

  /** Runs statements one after another and calls back when the connection is quiet again. */
  #run(batch: readonly SetUpStatement[], done: Done): void {
    const client = this.#client;
    const [first, ...rest] = batch;
    if (first === undefined) {
      whenQuiet(client, () => {
        const idle = client.getTransactionStatus() === "I";
        if (idle) done();
        else this.#spoilt(new Error("The connection could not be reset."), done);
      });
      return;
    }
    this.#parts.run(first.query, first.values, (error) => {
      if (error) this.#spoilt(error as Error, done);
      else this.#run(rest, done);
    });
  }

  /** What is left on it cannot be undone. */
  #spoilt(problem: Error, done: Done): void {
    this.#client.life.ends("session-state", problem);
    done(problem);
  }

  /**
   * As of `Settling`.
   *
   * @param mayBeReader - whether it may lead to a reader, too
   */
  check(mayBeReader: () => boolean, answered: (problem: Error | undefined) => void): void {
    const client = this.#client;
    const isFresh = this.#givenBackAt === 0 || performance.now() - this.#givenBackAt < doubtMillis;
    if (isFresh) {
      answered(undefined);
      return;
    }
    let over = false;
    const end = (role: "writer" | "reader" | undefined): void => {
      if (over) return;
      over = true;
      clearTimeout(late);
      if (role === "writer" || (role === "reader" && mayBeReader())) {
        answered(undefined);
        return;
      }
      const problem = new Error(`${client.endpointName} did not answer after a pause.`);
      if (role === "reader") client.life.ends("retired");
      else client.life.ends("silent", problem);
      client.cut(problem);
      answered(problem);
    };
    const late = setTimeout(end, checkMillis, undefined);
    client.askRole(end);
  }
}
