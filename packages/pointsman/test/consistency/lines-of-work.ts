import { setTimeout as delay } from "node:timers/promises";
import type { Operation } from "./history.ts";
import { Planner } from "./planner.ts";
import type { PoolProcess } from "./pool-process.ts";
import type { Random } from "./random.ts";
import type { StepResult, TakenToken } from "./step.ts";

/** How many of the tokens that were taken last a session may come across. */
const tokensAbout = 50;

export interface LinesOptions {
  readonly processes: readonly PoolProcess[];
  readonly random: Random;
  readonly lines: number;
  readonly thinkMs: number;
  /** No step is begun when the history has so many operations. */
  readonly operations: number;
}

/** Many sessions at a time, each of which hops between the processes, and is followed by another. */
export class LinesOfWork {
  readonly history: Operation[] = [];
  readonly freeReads: Record<string, number> = {};
  readonly troubles: Record<string, number> = {};
  readonly #options: LinesOptions;
  readonly #planner: Planner;
  readonly #tokens: TakenToken[] = [];
  #sessions = 0;

  constructor(options: LinesOptions) {
    this.#options = options;
    this.#planner = new Planner(options.random.fork());
  }

  async run(): Promise<void> {
    const { lines, random } = this.#options;
    await Promise.all(Array.from({ length: lines }, () => this.#line(random.fork())));
  }

  async #line(random: Random): Promise<void> {
    // Or all of them would begin at once, and take their steps in time.
    await this.#think(random);
    while (!this.#enough) await this.#session(random);
  }

  async #session(random: Random): Promise<void> {
    const { processes } = this.#options;
    const session = ++this.#sessions;
    const home = this.#planner.home();
    let token = random.chance(0.25) ? this.#someToken(random) : undefined;
    let process = random.pick(processes);
    for (let steps = random.between(8, 20); steps > 0 && !this.#enough; steps--) {
      const deeds = this.#planner.deeds(home, this.#tokens);
      const result = await process.perform({ session, after: token, deeds });
      this.#note(result);
      token = result.token;
      await this.#think(random);
      process = random.pick(processes);
    }
  }

  get #enough(): boolean {
    return this.history.length >= this.#options.operations;
  }

  #someToken(random: Random): TakenToken | undefined {
    return this.#tokens.length > 0 ? random.pick(this.#tokens) : undefined;
  }

  #note({ operations, token, freeReads, troubles }: StepResult): void {
    for (const operation of operations) this.history.push(operation);
    addTo(this.freeReads, freeReads);
    addTo(this.troubles, troubles);
    this.#tokens.push(token);
    if (this.#tokens.length > tokensAbout) this.#tokens.shift();
  }

  /** A hop right away now and then, as a redirect is; else the pause of who reads the page. */
  async #think(random: Random): Promise<void> {
    if (random.chance(0.2)) return;
    await delay(random.exponential(this.#options.thinkMs));
  }
}

function addTo(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}
