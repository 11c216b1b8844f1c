import type { CatalogNode } from "./node.ts";
import type { NodesByName } from "./nodes-by-name.ts";
import type { SearchedText } from "./searched-text.ts";

/** What is known of a database that a text alone does not tell. */
export interface KnownDatabase {
  /** All functions that are not PostgreSQL's own. */
  readonly functions: NodesByName;
  /** The relations that a reader cannot serve as if they were plain tables. */
  readonly relations: NodesByName;
  /**
   * What a text may lead to without a name that the parser tells as a function's or a relation's:
   * operators, types and casts, functions that are called like columns; those with a flaw.
   */
  readonly hidden: readonly HiddenObject[];
  /** The same, of what a text leads to only if it reads the values that an object gives. */
  readonly behind: ReadonlyMap<CatalogNode, readonly HiddenObject[]>;
}

/** Something with a flaw that no name in a text needs to tell. */
export interface HiddenObject {
  readonly node: CatalogNode;
  /** Whether a text may lead there. */
  readonly isReachedBy: (text: SearchedText) => boolean;
}

/** The hidden objects that a text may lead to, given what it names. */
export function hiddenIn(
  text: SearchedText,
  named: Iterable<CatalogNode>,
  { hidden, behind }: Pick<KnownDatabase, "hidden" | "behind">,
): CatalogNode[] {
  const found = new Set<CatalogNode>();
  const look = (objects: readonly HiddenObject[]): void => {
    for (const { node, isReachedBy } of objects) {
      if (!found.has(node) && isReachedBy(text)) found.add(node);
    }
  };
  look(hidden);
  if (behind.size > 0) for (const node of named) look(behind.get(node) ?? []);
  return [...found];
}
