import { flawKinds } from "./flaw.ts";
import type { CatalogNode } from "./node.ts";

/** Who leads to an object of a database, and so does what that does. */
export class Graph {
  readonly #leading = new Map<CatalogNode, CatalogNode[]>();

  lead(from: CatalogNode, to: CatalogNode): void {
    const leading = this.#leading.get(to);
    if (leading === undefined) this.#leading.set(to, [from]);
    else leading.push(from);
  }

  /** Carries what objects do by themselves to all that lead to them, the most certain flaws first. */
  spread(flawed: readonly CatalogNode[]): void {
    for (const kind of flawKinds) {
      const reached = flawed.filter((node) => node.flaw === kind);
      // What is appended meanwhile is walked through as well.
      for (const node of reached) {
        for (const from of this.#leading.get(node) ?? []) {
          if (from.inherit(node)) reached.push(from);
        }
      }
    }
  }

  /** All that lead to some objects, and these. */
  leadingTo(objects: Iterable<CatalogNode>): Set<CatalogNode> {
    const reached = new Set(objects);
    // What is added meanwhile is walked through as well.
    for (const node of reached) {
      for (const from of this.#leading.get(node) ?? []) if (!from.isSettled) reached.add(from);
    }
    return reached;
  }
}
