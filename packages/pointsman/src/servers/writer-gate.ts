import { PointsmanError } from "../errors.ts";
import { reasonFrom } from "../reason-from.ts";
import { warnOfLostWriter } from "../telemetry/failover-warnings.ts";
import { publish } from "../telemetry/publish.ts";
import { isUnreachable } from "./connection-loss.ts";
import { NotTheWriter } from "./not-the-writer.ts";

interface Waiter {
  readonly go: (problem: Error | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** What the gate is told of, and what it sets in motion. */
export interface WriterGateOptions {
  /** The pool whose listeners hear of a search. */
  readonly owner: object;
  /** How long a caller waits at most, in milliseconds. */
  readonly timeoutMillis: number;
  /** What is heard of other servers does not matter before the writer was reached. */
  readonly onDemand: boolean;
  /** The writer's endpoint, as it is called in errors and events. */
  readonly endpoint: string;
  /**
   * Looks for the writer until it is found, or until the signal is aborted. Never rejects.
   *
   * @returns the endpoint that leads to it
   */
  readonly search: (signal: AbortSignal, failed: (error: Error) => void) => Promise<string>;
  /** Whether the writer lets a new connection in, and is it. Never rejects. */
  readonly isThere: () => Promise<boolean>;
  /** Connections that were opened before are not to be used again. */
  readonly retire: () => void;
}

/**
 * Holds back, in order, whoever wants the writer while nobody knows which server that is.
 */
export class WriterGate {
  readonly #options: WriterGateOptions;
  readonly #waiting = new Set<Waiter>();
  #search: AbortController | undefined;
  #reached = false;
  #isDoubted = false;
  #ended = false;
  #lastError: Error | undefined;
  #closedAt = 0;
  /** How often the writer had to be looked for. */
  searches = 0;

  constructor(options: WriterGateOptions) {
    this.#options = options;
  }

  /** The writer is being looked for. */
  get closed(): boolean {
    return this.#search !== undefined;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether a connection has ever led to the writer. */
  get hasReached(): boolean {
    return this.#reached;
  }

  /** A connection has reached the writer. */
  reached(): void {
    this.#reached = true;
  }

  /**
   * Whether what kept a caller from the writer may pass. A server that was never there is more
   * likely a mistake in the configuration than a failover: who waits for it is told at once, unless
   * the writer had to be looked for already.
   */
  mayPass(error: Error): boolean {
    const isKnown = this.#reached || this.searches > 0;
    return error instanceof NotTheWriter || (isKnown && isUnreachable(error));
  }

  /** A connection has not been opened in its caller's time, which may mean something or nothing. */
  doubt(cause: Error): void {
    if (this.#isDoubted || this.#search !== undefined || this.#ended || !this.#reached) return;
    this.#isDoubted = true;
    this.#options.isThere().then((isThere) => {
      this.#isDoubted = false;
      if (!isThere) this.close(cause);
    });
  }

  /** Some server was promoted: whoever is the writer now is looked for. */
  promoted(): void {
    if (this.#options.onDemand && !this.#reached) return;
    this.close(new NotTheWriter(this.#options.endpoint, "outdated"));
  }

  /** The writer is not where it was: it is looked for, and nobody is let through until it is found. */
  close(cause: Error): void {
    this.#lastError = cause;
    if (this.#search !== undefined || this.#ended) return;
    const search = new AbortController();
    this.#search = search;
    this.#closedAt = performance.now();
    this.searches += 1;
    const { endpoint, owner } = this.#options;
    warnOfLostWriter(endpoint, cause.message);
    publish("failover", owner, () => ({ phase: "searching", endpoint, error: cause }));
    this.#options.retire();
    const failed = (error: Error): void => {
      this.#lastError = error;
    };
    this.#options.search(search.signal, failed).then((found) => {
      if (this.#search === search) this.#open(found);
    });
  }

  /**
   * Calls back once the writer is found, in the order of the calls; with an error when it is not.
   *
   * @param deadline - by `performance.now()`
   */
  wait(deadline: number, callback: (problem: Error | undefined) => void): void {
    const left = deadline - performance.now();
    if (this.#ended || left <= 0) {
      callback(this.#unavailable());
      return;
    }
    const go = (problem: Error | undefined): void => {
      clearTimeout(waiter.timer);
      this.#waiting.delete(waiter);
      callback(problem);
    };
    const timer = setTimeout(() => go(this.#unavailable()), left);
    const waiter: Waiter = { go, timer };
    this.#waiting.add(waiter);
    if (this.#search === undefined) setImmediate(go, undefined);
  }

  /** When somebody who starts to wait now has waited for long enough. */
  deadline(): number {
    return performance.now() + this.#options.timeoutMillis;
  }

  /** Nobody waits any longer, and nothing is looked for. */
  end(): void {
    this.#ended = true;
    this.#search?.abort();
    if (this.#search !== undefined) this.#tellOfEnd("ended", this.#options.endpoint);
    this.#search = undefined;
    for (const waiter of [...this.#waiting]) waiter.go(this.#unavailable());
  }

  #open(endpoint: string): void {
    this.#search = undefined;
    this.#tellOfEnd("found", endpoint);
    for (const waiter of [...this.#waiting]) waiter.go(undefined);
  }

  #tellOfEnd(phase: "found" | "ended", endpoint: string): void {
    const durationMs = performance.now() - this.#closedAt;
    publish("failover", this.#options.owner, () => ({ phase, endpoint, durationMs }));
  }

  #unavailable(): PointsmanError {
    const reason = reasonFrom(this.#lastError ?? "unknown error");
    const since = Math.round((performance.now() - this.#closedAt) / 100) / 10;
    return new PointsmanError(
      "WRITER_UNAVAILABLE",
      `The writer at ${this.#options.endpoint} cannot be reached${this.#closedAt > 0 ? `, and was looked for for ${since} s` : ""}: ${reason}. The statement was not sent.`,
      { cause: this.#lastError },
    );
  }
}
