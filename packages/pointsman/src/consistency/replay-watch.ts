import type { EndpointClient } from "../servers/endpoint-client.ts";
import { isQuiet, isUsable } from "../servers/pg-internals.ts";
import { proofQuestion, readAnswer } from "./makers.ts";
import { later, type Position } from "./position.ts";
import type { ServerState } from "./server-state.ts";

const shortestMillis = 3;
const longestMillis = 100;
/** How long after the last read that wanted something it goes on. */
const patienceMillis = 1000;

/** What the watch needs of a pool of readers. */
export interface WatchedReaders {
  /** Connections that nobody uses. */
  idle(): readonly EndpointClient[];
  serverOf(client: EndpointClient): ServerState | undefined;
  readonly system: () => string;
}

/**
 * Asks the readers how far they have come, beside the callers' path, as long as reads want
 * something that they have not reached. It uses connections that are open and idle.
 */
export class ReplayWatch {
  readonly #readers: WatchedReaders;
  #wanted: Position | undefined;
  #until = 0;
  #pause = shortestMillis;
  #timer: NodeJS.Timeout | undefined;

  constructor(readers: WatchedReaders) {
    this.#readers = readers;
  }

  /** A read wants this, and a reader is not known to have it. */
  want(position: Position): void {
    this.#until = performance.now() + patienceMillis;
    const before = this.#wanted;
    this.#wanted = before === undefined ? position : (later(before, position) ?? position);
    if (this.#wanted !== before) this.#pause = shortestMillis;
    this.#schedule();
  }

  /** Somebody waits: it is asked as often as makes sense. */
  hurry(): void {
    this.#pause = shortestMillis;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#wanted = undefined;
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#wanted === undefined) return;
    this.#timer = setTimeout(this.#ask, this.#pause).unref();
  }

  readonly #ask = (): void => {
    this.#timer = undefined;
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const asked = new Set<ServerState>();
    let awaited = false;
    for (const client of this.#readers.idle()) {
      const server = this.#readers.serverOf(client);
      if (server === undefined || asked.has(server) || !isQuiet(client) || !isUsable(client)) {
        continue;
      }
      if (server.isAwaited) awaited = true;
      if (server.covers(wanted) && !server.isAwaited) continue;
      asked.add(server);
      client.ask(proofQuestion(server, wanted), (_error, row) => {
        const answer = readAnswer(server, this.#readers.system(), row, wanted);
        server.checkedAt = performance.now();
        if (answer?.position !== undefined) server.learn(answer.position);
      });
    }
    if (performance.now() > this.#until && !awaited) {
      this.#wanted = undefined;
      return;
    }
    this.#pause = awaited ? shortestMillis : Math.min(longestMillis, this.#pause * 1.3);
    this.#schedule();
  };
}
