import { placeName } from "../../config/endpoint.ts";
import type { Member, Sighting } from "./member.ts";

/** How many times in a row a member must be missing before it is believed to be gone. */
const enoughMisses = 2;

interface Known {
  readonly member: Member;
  readonly misses: number;
}

/** The members of a cluster, as several sightings have shown them. */
export class KnownMembers {
  #known: ReadonlyMap<string, Known> = new Map();

  /** A single sighting may have missed one: a server that restarts, an answer of DNS that rotates. */
  take({ members, complete }: Sighting): void {
    const next = new Map<string, Known>();
    for (const member of members) next.set(placeName(member), { member, misses: 0 });
    for (const [name, { member, misses }] of this.#known) {
      const missed = complete ? misses + 1 : misses;
      if (!next.has(name) && missed < enoughMisses) next.set(name, { member, misses: missed });
    }
    this.#known = next;
  }

  get all(): readonly Member[] {
    return [...this.#known.values()].map(({ member }) => member);
  }

  /** Whether the next sighting may change what is known. */
  get doubtful(): boolean {
    return [...this.#known.values()].some(({ misses }) => misses > 0);
  }
}
