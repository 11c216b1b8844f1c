import type { Classification } from "../statements/types.ts";
import { hiddenIn, type KnownDatabase } from "./known-database.ts";
import type { ObjectKind } from "./node.ts";
import { SearchedText } from "./searched-text.ts";

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
  { functions, reads, statements }: Classification,
  database: KnownDatabase,
): Cause[] {
  const named = [
    ...functions.flatMap((call) => database.functions.called(call)),
    ...reads.flatMap((read) => database.relations.read(read)),
  ];
  const onlyPlanned = statements.every((statement) => statement.onlyPlanned);
  const nodes = new Set([...named, ...hiddenIn(new SearchedText(text), named, database)]);
  return [...nodes]
    .filter(({ kind, flaw }) => kind === "function" || flaw !== undefined)
    .map((node) => ({
      kind: node.kind,
      name: node.label,
      because: node.because,
      decides: node.flaw !== undefined && (node.countsWhenPlanned || !onlyPlanned),
    }));
}
