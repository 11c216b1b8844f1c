import { setTimeout as delay } from "node:timers/promises";
import type { Cluster, Reader } from "@pointsman/local";
import type { Random } from "./random.ts";

/** Milliseconds by which a reader lags, for as long as it takes until the next deed. */
const lags = [0, 0, 0, 0, 10, 50, 200, 500, 1_000, 2_000];

type Tally = Record<string, number>;

/** Makes readers lag, stop, go on, join and leave, at random, until it is told to stop. */
export class Nemesis {
  /** What it has done, by how often. */
  readonly deeds: Tally = {};
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(cluster: Cluster, random: Random) {
    this.#done = Promise.all([
      ...cluster.readers.map((reader) => this.#haunt(reader, random.fork())),
      this.#growAndShrink(cluster, random.fork()),
    ]);
    // Whoever stops it is told.
    this.#done.catch(() => {});
  }

  /** Stops, and leaves every reader without lag and replaying. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #haunt(reader: Reader, random: Random): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (random.chance(0.2)) {
        await reader.pauseReplay();
        this.#did("paused");
        await this.#wait(random.between(50, 1_500));
        await reader.resumeReplay();
      } else {
        const lag = random.pick(lags);
        await reader.lag(lag);
        this.#did(`lag ${lag} ms`);
      }
      await this.#wait(random.exponential(700));
    }
    await reader.lag(0);
  }

  async #growAndShrink(cluster: Cluster, random: Random): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#wait(random.between(2_000, 6_000));
      const reader = await cluster.addReader();
      this.#did("joined");
      await this.#wait(random.between(2_000, 6_000));
      await cluster.removeReader(reader);
      this.#did("left");
    }
  }

  #did(what: string): void {
    this.deeds[what] = (this.deeds[what] ?? 0) + 1;
  }

  async #wait(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}
