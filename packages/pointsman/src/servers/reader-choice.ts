import type { ClientBase } from "pg";
import type { EndpointClient } from "./endpoint-client.ts";
import { bringForward, idleClients } from "./pg-internals.ts";
import { ServerLoad } from "./server-load.ts";

/** Which of the idle connections to readers serves the next read. */
export class ReaderChoice {
  readonly #loads = new Map<object, ServerLoad>();

  /**
   * A connection is open, and from now on counts for its server.
   *
   * @param server - what tells servers apart; its address where nobody knows
   */
  join(client: EndpointClient, server: object = client.address): void {
    const known = this.#loads.get(server);
    const load = known ?? new ServerLoad(client.address);
    if (known === undefined) this.#loads.set(server, load);
    load.open += 1;
    client.load = load;
    client.once("end", () => {
      load.open -= 1;
      if (load.open === 0) this.#loads.delete(server);
    });
  }

  /** Whether connections lead to more than one server. */
  get hasChoice(): boolean {
    return this.#loads.size > 1;
  }

  /**
   * Makes the connection that is best the next one that the pool gives: of two servers picked at
   * random the one that is less busy and faster, in this process's own zone if there is one. (The
   * power of two choices: always the best of all would be overrun by all processes at once.)
   *
   * @param preferred - what is better than any other, where there is such a one
   */
  choose(pool: object, preferred?: (client: ClientBase) => boolean): void {
    const idle = idleClients(pool) as readonly EndpointClient[];
    const best = candidates(idle, preferred);
    const at = Math.floor(Math.random() * best.length);
    const first = best[at];
    if (first === undefined) return;
    const other = (at + 1 + Math.floor(Math.random() * (best.length - 1))) % best.length;
    const second = best[other] ?? first;
    bringForward(pool, better(first, second).at);
  }
}

/** Mostly the better one of two; of two that are alike each half of the time. */
function better(first: Candidate, second: Candidate): Candidate {
  if (first === second) return first;
  const now = performance.now();
  const [a, b] = [first.load.merit(now), second.load.merit(now)];
  return Math.random() * (a + b) < a ? first : second;
}

interface Candidate {
  readonly load: ServerLoad;
  /** The place of its connection that was used last. */
  readonly at: number;
}

/** One for each server; of those that are preferred, and then near, if there are any. */
function candidates(
  idle: readonly EndpointClient[],
  preferred: ((client: ClientBase) => boolean) | undefined,
): readonly Candidate[] {
  let best: Candidate[] = [];
  let bestRank = 0;
  for (let at = idle.length - 1; at >= 0; at -= 1) {
    const client = idle[at] as EndpointClient;
    const { load } = client;
    if (load === undefined) continue;
    const rank = (preferred?.(client) === true ? 2 : 0) + (load.isNear ? 1 : 0);
    if (rank < bestRank || best.some((one) => one.load === load)) continue;
    if (rank > bestRank) best = [];
    bestRank = rank;
    best.push({ load, at });
  }
  return best;
}
