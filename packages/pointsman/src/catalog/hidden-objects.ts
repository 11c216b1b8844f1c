import type { HiddenObject } from "./known-database.ts";
import type { CatalogNode } from "./node.ts";

/** What a text can reach without naming a function or a relation. */
export interface Hideable {
  readonly node: CatalogNode;
  /** A cast or an operator that is used where nobody writes one. */
  readonly isImplied?: boolean;
}

/** Operators of PostgreSQL's own that users give to their types, too. */
const builtin = new Set(
  "= <> < > <= >= ~~ !~~ ~~* !~~* ~ !~ ~* !~* + - * / % ^ || & | # << >> && &< &> @> <@ @ -> ->> #> #>> #- ? ?| ?& @@ @@@ @? ~= <-> -|- |/ ||/ ~<~ ~<=~ ~>~ ~>=~ ^@ *= *<> *< *> *<= *>=".split(
    " ",
  ),
);

/** Whether PostgreSQL has an operator of that name itself. */
export function isBuiltinOperator(name: string): boolean {
  return builtin.has(name);
}

/** Builtin types that have other names as well, `integer` for `int4`. */
const aliased =
  /^_?(?:bool|bpchar|char|float[48]|int[248]|numeric|time|timetz|timestamp|timestamptz|varbit|bit|varchar)$/;

/** Those with a flaw, and how a text tells that it reaches them. */
export function hiddenObjects(hideable: readonly Hideable[]): HiddenObject[] {
  return hideable
    .filter(({ node }) => node.flaw !== undefined)
    .map((one) => ({ node: one.node, isReachedBy: spellingOf(one) }));
}

function spellingOf({
  node: { kind, name },
  isImplied = false,
}: Hideable): HiddenObject["isReachedBy"] {
  if (isImplied || (kind === "cast" && aliased.test(name))) return () => true;
  switch (kind) {
    case "operator":
      return (text) => text.hasOperator(name);
    case "function":
      return (text) => text.hasAttribute(name);
    default:
      return (text) => text.hasName(name);
  }
}
