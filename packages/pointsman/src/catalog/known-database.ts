import type { CatalogNode } from "./node.ts";
import type { NodesByName } from "./nodes-by-name.ts";

/** What is known of a database that a text alone does not tell. */
export interface KnownDatabase {
  /** All functions that are not PostgreSQL's own. */
  readonly functions: NodesByName;
  /** The relations with a flaw. */
  readonly relations: NodesByName;
  /**
   * What a text may lead to without a name that the parser tells as a function's or a relation's:
   * operators, types and casts, functions that are called like columns; those with a flaw.
   */
  readonly hidden: readonly HiddenObject[];
}

/** Something with a flaw that a text reaches when certain characters are in it. */
export interface HiddenObject {
  readonly node: CatalogNode;
  /** Absent: any text that reads something may reach it. */
  readonly spelling?: string;
}

/**
 * The objects that a text may reach by their spelling. It errs to the safe side: what stands in a
 * string or a comment counts, and so does part of a longer name.
 */
export function reachedBySpelling(text: string, hidden: readonly HiddenObject[]): CatalogNode[] {
  if (hidden.length === 0) return [];
  const folded = text.toLowerCase();
  // Names in escapes (U&"\0061") are not looked for one by one.
  const isEscaped = folded.includes('u&"');
  return hidden
    .filter(({ spelling }) => spelling === undefined || isEscaped || folded.includes(spelling))
    .map(({ node }) => node);
}
