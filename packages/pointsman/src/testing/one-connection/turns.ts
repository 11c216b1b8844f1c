import { Level } from "./level.ts";

/**
 * How long a transaction does nothing before it is taken to wait for whoever waits for it, in
 * milliseconds.
 */
const patienceMillis = 50;

/** What somebody wants the connection for. */
export interface Claim {
  /** The transaction that it belongs to, if one is open. */
  readonly level: Level | undefined;
  /** Nothing of it can be lost: it does not wait for the transactions of others. */
  readonly harmless: boolean;
}

interface Waiter extends Claim {
  readonly go: (top: Level | undefined) => void;
}

/** Taken once: fake timers of a test must not stop what it waits for. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

/**
 * Gives one connection to one statement after another, and keeps transactions apart that would each
 * have a connection of its own elsewhere: who writes waits until the transactions of others are
 * over. One that does nothing meanwhile may itself be waiting for that: its own code has sent what
 * waits, past its client. Then the statement runs inside of it.
 */
export class Turns {
  readonly #stack: Level[] = [];
  readonly #waiting: Waiter[] = [];
  #busy = false;
  #timer: NodeJS.Timeout | undefined;
  #whenIdle: (() => void) | undefined;

  /** The innermost transaction that is open. */
  get top(): Level | undefined {
    return this.#stack.at(-1);
  }

  /**
   * Runs something in its turn.
   *
   * @param work - gets the transaction of somebody else that it runs inside of, if it does
   */
  async take<T>(claim: Claim, work: (host: Level | undefined) => Promise<T>): Promise<T> {
    const top = await new Promise<Level | undefined>((go) => {
      this.#waiting.push({ ...claim, go });
      this.#next();
    });
    try {
      return await work(top === claim.level ? undefined : top);
    } finally {
      if (claim.level !== undefined) claim.level.idleSince = performance.now();
      this.#busy = false;
      this.#next();
    }
  }

  /** Opens a transaction inside of the innermost, if there is one. */
  open(): Level {
    const level = new Level();
    this.#stack.push(level);
    return level;
  }

  /** The transaction that another one stands inside of, though it is none of its. */
  below(level: Level): Level | undefined {
    return this.#stack[this.#stack.indexOf(level) - 1];
  }

  /** Ends a transaction that keeps what it has done; those inside of it go on. */
  keep(level: Level): void {
    const at = this.#stack.indexOf(level);
    if (at >= 0) this.#stack.splice(at, 1);
  }

  /**
   * Ends a transaction that is undone, and with it those inside of it.
   *
   * @returns those
   */
  undo(level: Level): readonly Level[] {
    const at = this.#stack.indexOf(level);
    if (at < 0) return [];
    const [, ...inside] = this.#stack.splice(at);
    for (const one of inside) one.undone = true;
    return inside;
  }

  /** Nobody waits for anybody any longer. Resolves when all who waited have had their turn. */
  async close(): Promise<void> {
    this.#stack.length = 0;
    this.#next();
    if (!this.#busy) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #next(): void {
    if (this.#busy) return;
    if (this.#waiting.length === 0) {
      this.#whenIdle?.();
      return;
    }
    const at = this.#waiting.findIndex((waiter) => this.#isAdmitted(waiter));
    if (at < 0) {
      this.#watch();
      return;
    }
    stopTimer(this.#timer);
    this.#timer = undefined;
    this.#busy = true;
    const [waiter] = this.#waiting.splice(at, 1);
    waiter?.go(this.top);
  }

  #isAdmitted({ level, harmless }: Waiter): boolean {
    const { top } = this;
    return harmless || top === undefined || top === level || top.yields;
  }

  /** All wait for a transaction that does nothing. */
  #watch(): void {
    const { top } = this;
    if (this.#timer !== undefined || top === undefined) return;
    const left = Math.max(0, top.idleSince + patienceMillis - performance.now());
    this.#timer = startTimer(() => {
      this.#timer = undefined;
      const isIdle = !this.#busy && this.top === top;
      if (isIdle && performance.now() - top.idleSince >= patienceMillis) top.yields = true;
      this.#next();
    }, left + 1);
  }
}
