import type { HiddenObject } from "./known-database.ts";
import type { CatalogNode } from "./node.ts";

/** What a text can reach without naming a function or a relation. */
export interface Hideable {
  readonly node: CatalogNode;
  /** A cast that happens where nobody writes one. */
  readonly isImplicit?: boolean;
}

/** Operators that SQL uses where none is spelled: IN, BETWEEN, LIKE, DISTINCT, USING, ORDER BY. */
const implied = new Set(["=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~"]);

/** Builtin types that have other names as well, `integer` for `int4`. */
const aliased =
  /^_?(?:bool|bpchar|char|float[48]|int[248]|numeric|time|timetz|timestamp|timestamptz|varbit|bit|varchar)$/;

/** Those with a flaw, and by which characters a text tells that it reaches them. */
export function hiddenObjects(hideable: readonly Hideable[]): HiddenObject[] {
  return hideable
    .filter(({ node }) => node.flaw !== undefined)
    .map((one) => {
      const spelling = spellingOf(one);
      return spelling === undefined ? { node: one.node } : { node: one.node, spelling };
    });
}

function spellingOf({ node: { kind, name }, isImplicit = false }: Hideable): string | undefined {
  // A quote in a name is written twice.
  if (isImplicit || name.includes('"')) return undefined;
  if (kind === "operator" && implied.has(name)) return undefined;
  if (kind === "cast" && aliased.test(name)) return undefined;
  return name.toLowerCase();
}
