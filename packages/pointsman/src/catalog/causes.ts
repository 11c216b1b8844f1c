import type { Classification } from "../statements/types.ts";
import { type KnownDatabase, reachedBySpelling } from "./known-database.ts";
import type { CatalogNode, ObjectKind } from "./node.ts";

/** What is known of an object of the database that a text leads to. */
export interface Cause {
  readonly kind: ObjectKind;
  /** With its schema; of a cast, its types. */
  readonly name: string;
  /** What it does, to follow its name in a sentence: `calls shop.note, which runs INSERT on audit`. */
  readonly because: string;
  /** Whether that keeps the text from readers. */
  readonly decides: boolean;
}

/** What the database tells of the functions and other objects that a text leads to. */
export function causesOf(
  text: string,
  { functions, reads }: Classification,
  database: KnownDatabase,
): Cause[] {
  const nodes = new Set<CatalogNode>([
    ...functions.flatMap(({ schema, name }) => database.functions.find(schema, name)),
    ...reads.flatMap(({ schema, name }) => database.relations.find(schema, name)),
    ...reachedBySpelling(text, database.hidden),
  ]);
  return [...nodes].map((node) => ({
    kind: node.kind,
    name: node.label,
    because: node.because,
    decides: node.flaw !== undefined,
  }));
}
