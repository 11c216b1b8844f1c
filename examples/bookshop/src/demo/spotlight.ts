import type { TracedRequest } from "./trace.ts";

interface Kind {
  offered: number;
  shown: number;
  latest: TracedRequest | undefined;
}

/**
 * Chooses the requests that are shown: a shop answers more of them than anybody can read. What is
 * frequent is shown more often, and what is rare is not missed.
 */
export class Spotlight {
  readonly #kinds = new Map<string, Kind>();

  offer(request: TracedRequest): void {
    const page = request.path.replace(/\?.*|\d+|(?<=^\/categories\/)[^?]+/g, "");
    const name = `${request.method} ${page} ${request.status}`;
    const kind = this.#kinds.get(name) ?? { offered: 0, shown: 0, latest: undefined };
    kind.offered += 1;
    kind.latest = request;
    this.#kinds.set(name, kind);
  }

  /** The next request to show, if there is one that was not shown yet. */
  next(): TracedRequest | undefined {
    const [kind] = [...this.#kinds.values()]
      .filter((candidate) => candidate.latest !== undefined)
      .sort((a, b) => a.shown / Math.sqrt(a.offered) - b.shown / Math.sqrt(b.offered));
    if (!kind) return undefined;
    const request = kind.latest;
    kind.latest = undefined;
    kind.shown += 1;
    return request;
  }
}
