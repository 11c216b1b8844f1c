import type { Pool } from "../pool.ts";

interface Waiter {
  readonly places: number;
  readonly go: () => void;
}

/** Connections that may be held for long at the same time, in the order in which they are asked for. */
class Places {
  #free: number;
  readonly #waiting: Waiter[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async take(places: number): Promise<() => void> {
    await new Promise<void>((go) => {
      this.#waiting.push({ places, go });
      this.#next();
    });
    return () => {
      this.#free += places;
      this.#next();
    };
  }

  #next(): void {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (first.places > this.#free) return;
      this.#free -= first.places;
      this.#waiting.shift();
      first.go();
    }
  }
}

const forAll = new WeakMap<Pool, Places>();
const forSome = new WeakMap<Pool, Places>();

/**
 * Waits until a connection of the writer's side may be held by somebody who needs no other. It is not
 * the pool that has them wait: there is no time-out, and no bound.
 *
 * @returns gives it up
 */
export function takePlace(pool: Pool): Promise<() => void> {
  return placesOf(forAll, pool, pool.writer.options.max).take(1);
}

/**
 * Waits until so many connections of the writer's side may be held beside which one is needed: one
 * of the pool's is always left, or all who hold some might wait for one more.
 *
 * @returns gives them up
 * @throws RangeError when the pool has too few
 */
export function takePlaces(pool: Pool, places: number, name: string): Promise<() => void> {
  const { max } = pool.writer.options;
  if (max <= places) {
    throw new RangeError(
      `${name}() holds ${places} ${places === 1 ? "connection" : "connections"} of the writer's side, and this pool has no more than ${max}. Make it with max: ${places + 1} or more.`,
    );
  }
  return placesOf(forSome, pool, max - 1).take(places);
}

function placesOf(known: WeakMap<Pool, Places>, pool: Pool, free: number): Places {
  const all = known.get(pool) ?? new Places(free);
  known.set(pool, all);
  return all;
}
