import { type Hideable, hiddenObjects } from "./hidden-objects.ts";
import type { HiddenObject } from "./known-database.ts";
import type { CatalogNode } from "./node.ts";

/** Something that values of a type are part of the values of another type. */
interface Part {
  /** The field or column; `null`: elements of an array, of a range, of a domain. */
  readonly field: string | null;
  readonly type: CatalogNode;
}

/**
 * What can be done to the values of types by operators and casts that no name tells: which of that a
 * text can reach hangs on which values it reads.
 */
export class Values {
  readonly #parts = new Map<CatalogNode, Part[]>();
  readonly #hideable = new Map<CatalogNode, Hideable[]>();
  readonly #givers = new Map<CatalogNode, CatalogNode[]>();

  /** Values of a type are in those of another. */
  contain(type: CatalogNode, part: Part): void {
    append(this.#parts, type, part);
  }

  /** An operator or a cast takes values of a type. */
  take(type: CatalogNode, hideable: Hideable): void {
    append(this.#hideable, type, hideable);
  }

  /** A relation or a function gives values of a type, or takes and may pass them on. */
  give(giver: CatalogNode, type: CatalogNode): void {
    append(this.#givers, type, giver);
  }

  /** What has a flaw, by what gives the values; types themselves are among that. */
  behind(): Map<CatalogNode, HiddenObject[]> {
    const behind = new Map<CatalogNode, HiddenObject[]>();
    if (this.#hideable.size === 0) return behind;
    for (const type of new Set([...this.#hideable.keys(), ...this.#parts.keys()])) {
      const found = this.#reachedFrom(type, new Set());
      if (found.length === 0) continue;
      for (const giver of [type, ...(this.#givers.get(type) ?? [])]) {
        behind.set(giver, [...(behind.get(giver) ?? []), ...found]);
      }
    }
    return behind;
  }

  /** @param outer - the types that it was come from, which types that hold each other lead back to */
  #reachedFrom(type: CatalogNode, outer: ReadonlySet<CatalogNode>): HiddenObject[] {
    if (outer.has(type)) return [];
    const seen = new Set(outer).add(type);
    const own = hiddenObjects(this.#hideable.get(type) ?? []);
    const inside = (this.#parts.get(type) ?? []).flatMap(({ field, type: part }) => {
      const found = this.#reachedFrom(part, seen);
      return field === null ? found : found.map((one) => inField(one, field, type.name));
    });
    return [...own, ...inside];
  }
}

function inField({ node, isReachedBy }: HiddenObject, field: string, of: string): HiddenObject {
  return { node, isReachedBy: (text) => isReachedBy(text) && text.mayMean(field, of) };
}

function append<V>(map: Map<CatalogNode, V[]>, key: CatalogNode, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
