import type { Random } from "./random.ts";
import type { Alter, Deed, Look, TakenToken, Transaction } from "./step.ts";

const registers = 40;
const lists = 24;
/** Then the list is left alone, and the next one is begun in its place. */
const fullList = 24;

/** The keys that a session mostly works with, so that it meets its own writes again. */
export type Home = readonly string[];

/** Thinks up what sessions do, all of it out of one seed. */
export class Planner {
  readonly #random: Random;
  readonly #lists = Array.from({ length: lists }, () => ({ generation: 0, appended: 0 }));
  #elements = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  home(): Home {
    const random = this.#random;
    return [
      ...Array.from({ length: 4 }, () => `r${random.between(0, registers - 1)}`),
      ...Array.from({ length: 3 }, () => `l${random.between(0, lists - 1)}`),
    ];
  }

  /** What a session does in one step. `others`: tokens of other sessions that it may come across. */
  deeds(home: Home, others: readonly TakenToken[]): Deed[] {
    return Array.from({ length: this.#random.between(2, 6) }, () =>
      this.#deeds(home, others),
    ).flat();
  }

  #deeds(home: Home, others: readonly TakenToken[]): Deed[] {
    const random = this.#random;
    const kind = random.weighted({
      look: 60,
      write: 12,
      cursor: 4,
      target: 2,
      withWriter: 2,
      conversation: 4,
      transaction: 5,
      readOnly: 5,
      together: 5,
      adopt: others.length > 0 ? 1 : 0,
    });
    switch (kind) {
      case "look":
        return [this.#look(home)];
      case "cursor":
        return [{ kind: "look", keys: [this.#list(home)], by: "cursor" }];
      case "target":
      case "withWriter":
        // What the writer has just shown must still be there afterwards.
        return this.#againByPool({ ...this.#look(home), by: kind });
      case "write": {
        const write = this.#alter(home);
        const look: Look = { kind: "look", keys: [write.change.key], by: "pool" };
        return random.chance(0.6) ? [write, look] : [write];
      }
      case "conversation":
        return [{ kind, statements: this.#some(home, 1, 4, 0.2) }];
      case "transaction":
        return [{ kind, transaction: this.#transaction(home) }];
      case "readOnly": {
        const readOnly = { readOnly: true, end: "commit" } as const;
        const statements = [this.#look(home), this.#look(home)];
        const transaction = { ...this.#transaction(home), ...readOnly, statements };
        return [{ kind: "transaction", transaction }];
      }
      case "together":
        return [{ kind, deeds: this.#some(home, 2, 4, 0.3) }];
      case "adopt":
        return [{ kind, from: random.pick(others) }];
    }
  }

  #transaction(home: Home): Transaction {
    const random = this.#random;
    const statements = this.#some(home, 2, 5, 0.5);
    // In the same order everywhere, or they would lock each other out.
    const writes = statements.filter((one) => one.kind === "alter").sort(byKey);
    return {
      by: random.pick(["transaction", "client"]),
      readOnly: false,
      isolationLevel: random.chance(0.8) ? "read committed" : "repeatable read",
      statements: statements.map((one) => (one.kind === "alter" ? (writes.shift() as Alter) : one)),
      end: random.chance(0.85) ? "commit" : "rollback",
    };
  }

  #some(home: Home, low: number, high: number, writes: number): (Look | Alter)[] {
    const random = this.#random;
    return Array.from({ length: random.between(low, high) }, () =>
      random.chance(writes) ? this.#alter(home) : this.#look(home),
    );
  }

  #againByPool(look: Look): Look[] {
    return this.#random.chance(0.7) ? [look, { ...look, by: "pool" }] : [look];
  }

  #look(home: Home): Look {
    const random = this.#random;
    const count = random.pick([1, 1, 1, 2, 2, 3]);
    const keys = Array.from({ length: count }, () => this.#key(home));
    return { kind: "look", keys: [...new Set(keys)], by: "pool" };
  }

  #alter(home: Home): Alter {
    const random = this.#random;
    if (random.chance(0.5))
      return { kind: "alter", change: { kind: "set", key: this.#register(home) } };
    const slot = Number.parseInt(this.#slot(home).slice(1), 10);
    const list = this.#lists[slot] as { generation: number; appended: number };
    if (list.appended >= fullList) {
      list.generation += 1;
      list.appended = 0;
    }
    list.appended += 1;
    this.#elements += 1;
    const key = `l${slot}.${list.generation}`;
    return { kind: "alter", change: { kind: "append", key, element: this.#elements } };
  }

  #key(home: Home): string {
    return this.#random.chance(0.5) ? this.#register(home) : this.#list(home);
  }

  #register(home: Home): string {
    const random = this.#random;
    return random.chance(0.7)
      ? random.pick(home.filter((key) => key.startsWith("r")))
      : `r${random.between(0, registers - 1)}`;
  }

  /** A list as it is now, or as it was before this one was begun. */
  #list(home: Home): string {
    const slot = this.#slot(home);
    const { generation } = this.#lists[Number.parseInt(slot.slice(1), 10)] as {
      generation: number;
    };
    const earlier = generation > 0 && this.#random.chance(0.1) ? 1 : 0;
    return `${slot}.${generation - earlier}`;
  }

  #slot(home: Home): string {
    const random = this.#random;
    return random.chance(0.7)
      ? random.pick(home.filter((key) => key.startsWith("l")))
      : `l${random.between(0, lists - 1)}`;
  }
}

function byKey(a: Alter, b: Alter): number {
  return a.change.key < b.change.key ? -1 : Number(a.change.key > b.change.key);
}
