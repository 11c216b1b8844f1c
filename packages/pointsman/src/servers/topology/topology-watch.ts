import type { Inquiry } from "./inquiry.ts";
import { KnownMembers } from "./known-members.ts";
import type { Member, Sighting, Topology } from "./member.ts";

/** How soon it is looked again when something has failed, in milliseconds. */
const urgentMillis = 1000;

/** What a watch needs to know, and what it sets in motion. */
export interface TopologyWatchOptions {
  readonly topology: Topology;
  readonly inquiry: Inquiry;
  readonly intervalMillis: number;
  /** Takes what is known now. */
  readonly apply: (members: readonly Member[]) => void;
  /** Whether the writer is being looked for. */
  readonly isUrgent: () => boolean;
  /** Called when it cannot be looked at for a reason that does not pass by itself. */
  readonly failed: (error: Error) => void;
}

/**
 * Looks at the topology of the cluster from time to time, beside the callers' path, and at once
 * after a failure. It keeps no process running.
 */
export class TopologyWatch {
  readonly #options: TopologyWatchOptions;
  readonly #known = new KnownMembers();
  #timer: NodeJS.Timeout | undefined;
  #pause: number;
  #begun = false;
  #looking = false;
  #hurried = false;
  #ended = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** How often it was looked at, and how often nothing was learned. */
  readonly counts = { looks: 0, failures: 0 };

  constructor(options: TopologyWatchOptions) {
    this.#options = options;
    this.#pause = this.#longest;
  }

  get members(): readonly Member[] {
    return this.#known.all;
  }

  /** Somebody uses the cluster: from now on its topology matters. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#schedule(0);
  }

  /** Something has failed: what is known may be out of date. */
  hurry(): void {
    this.#pause = this.#shortest;
    if (this.#looking) this.#hurried = true;
    else if (this.#begun) {
      this.#schedule(Math.max(0, this.#lookedAt + this.#shortest - performance.now()));
    }
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  get #longest(): number {
    return this.#options.intervalMillis;
  }

  get #shortest(): number {
    return Math.min(urgentMillis, this.#longest);
  }

  #schedule(millis: number): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#timer = setTimeout(() => void this.#look(), millis).unref();
  }

  async #look(): Promise<void> {
    const { topology, inquiry, isUrgent, failed } = this.#options;
    this.#looking = true;
    this.#lookedAt = performance.now();
    this.counts.looks += 1;
    try {
      const sighting = await topology.look(inquiry);
      if (this.#ended) return;
      if (sighting === undefined) this.counts.failures += 1;
      else await this.#take(sighting);
    } catch (error) {
      this.counts.failures += 1;
      failed(error as Error);
    } finally {
      this.#looking = false;
      const soon = this.#hurried || isUrgent() || this.#known.doubtful;
      this.#hurried = false;
      this.#pause = soon ? this.#shortest : Math.min(this.#longest, 2 * this.#pause);
      // Many processes have begun at the same moment, and shall not all ask at once for ever.
      this.#schedule(this.#pause * (0.75 + Math.random() / 2));
    }
  }

  async #take(sighting: Sighting): Promise<void> {
    const { inquiry, apply } = this.#options;
    this.#known.take(sighting);
    apply(this.#known.all);
    await Promise.all(
      sighting.suspects.map(async (suspect) => {
        const address = inquiry.addressOf(suspect);
        // The answer does not matter: a writer that answers is seen.
        if (address !== undefined) await inquiry.ask(address, "select");
      }),
    );
  }
}
