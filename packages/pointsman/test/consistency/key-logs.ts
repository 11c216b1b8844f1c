import type { Change, History, Write } from "./history.ts";

/** All that was written to one register. */
export class RegisterLog {
  readonly #writers = new Map<number, Write>();
  #highest = 0;
  /** Whether somebody may have written a version that nobody was told. */
  #gaps = false;
  /** By version: the write that was sent last among those up to this version. */
  readonly #sentLast: (Write | undefined)[] = [];
  readonly #acknowledged: { readonly at: number; readonly version: number }[] = [];

  /** @returns the other write that was given the same version, if there is one */
  add(version: number | undefined, write: Write): Write | undefined {
    if (version === undefined) {
      this.#gaps = true;
      return undefined;
    }
    const other = this.#writers.get(version);
    this.#writers.set(version, write);
    this.#highest = Math.max(this.#highest, version);
    if (write.outcome === "acknowledged") {
      this.#acknowledged.push({ at: write.completed, version });
    }
    return other;
  }

  close(): void {
    let last: Write | undefined;
    for (let version = 0; version <= this.#highest; version++) {
      last = sentLater(last, this.#writers.get(version));
      this.#sentLast.push(last);
    }
    this.#acknowledged.sort((a, b) => a.at - b.at);
    let newest = 0;
    for (const [index, { at, version }] of this.#acknowledged.entries()) {
      newest = Math.max(newest, version);
      this.#acknowledged[index] = { at, version: newest };
    }
  }

  explains(version: number): boolean {
    return version === 0 || this.#gaps || this.#writers.has(version);
  }

  writer(version: number): Write | undefined {
    return this.#writers.get(version);
  }

  /** Who sees this version sees them all up to it: the write among them that was sent last. */
  sentLastUpTo(version: number): Write | undefined {
    return this.#sentLast[Math.min(version, this.#sentLast.length - 1)];
  }

  /** The newest version that was acknowledged before this moment. */
  acknowledgedBefore(moment: number): number {
    return this.#acknowledged[countBefore(this.#acknowledged, moment) - 1]?.version ?? 0;
  }
}

/** All that was appended to one list. */
export class ListLog {
  readonly #writers = new Map<number, Write>();
  readonly #acknowledged: { readonly at: number; readonly element: number }[] = [];

  add(element: number, write: Write): void {
    this.#writers.set(element, write);
    if (write.outcome === "acknowledged") {
      this.#acknowledged.push({ at: write.completed, element });
    }
  }

  close(): void {
    this.#acknowledged.sort((a, b) => a.at - b.at);
  }

  writer(element: number): Write | undefined {
    return this.#writers.get(element);
  }

  /** The elements that were acknowledged before this moment. */
  *acknowledgedBefore(moment: number): Iterable<number> {
    const count = countBefore(this.#acknowledged, moment);
    for (let index = 0; index < count; index++) {
      yield (this.#acknowledged[index] as { element: number }).element;
    }
  }
}

/** The write of the two that was sent later. */
export function sentLater(a: Write | undefined, b: Write | undefined): Write | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.invoked > a.invoked ? b : a;
}

/** How many of the entries, which are in order, are earlier than this moment. */
function countBefore(entries: readonly { readonly at: number }[], moment: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as { at: number }).at < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Collision {
  readonly first: Write;
  readonly second: Write;
  readonly change: Change;
}

/** The logs of all keys of a history. */
export class KeyLogs {
  readonly #registers = new Map<string, RegisterLog>();
  readonly #lists = new Map<string, ListLog>();
  /** Writes that were given a version which another one has, too. */
  readonly collisions: Collision[] = [];

  constructor(history: History) {
    for (const operation of history) {
      if (operation.kind === "write" && operation.outcome !== "failed") this.#add(operation);
    }
    for (const log of [...this.#registers.values(), ...this.#lists.values()]) log.close();
  }

  register(key: string): RegisterLog {
    return entry(this.#registers, key, () => new RegisterLog());
  }

  list(key: string): ListLog {
    return entry(this.#lists, key, () => new ListLog());
  }

  #add(write: Write): void {
    for (const change of write.changes) {
      if (change.kind === "append") {
        this.list(change.key).add(change.element, write);
        continue;
      }
      const first = this.register(change.key).add(change.version, write);
      if (first !== undefined) this.collisions.push({ first, second: write, change });
    }
  }
}

export function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
