import type { Reason } from "pointsman";
import { type Answer, routeOf } from "../routes/route.ts";

/**
 * What a statement is to the check. `read`: it only reads, and something keeps it from readers, or
 * nothing does. `write`: it can go to the writer only: it writes, or its answer belongs to the writer.
 * `unknown`: nobody knows which.
 */
export type Kind = "read" | "write" | "unknown";

interface Meaning {
  readonly kind: Kind;
  /** What would bring such statements to readers, as a sentence. */
  readonly pays: string;
}

/** Reasons by which something goes to the writer that need not, or may need not. */
const meanings: Partial<Readonly<Record<Reason, Meaning>>> = {
  "unknown-function": {
    kind: "read",
    pays: "Say by the option functions what these functions do, where they only read.",
  },
  "unknown-object": {
    kind: "read",
    pays: 'A view, an operator, a cast or a type leads to a function that nobody knows: pointsman explain "SQL" names it. Say by the option functions what it does.',
  },
  "row-lock": {
    kind: "read",
    pays: "A lock on rows is for a write that follows in the same transaction: leave FOR UPDATE and FOR SHARE away where none does.",
  },
  hint: {
    kind: "read",
    pays: "A leading comment asks for the writer: take it away. A read sees what was written before it on readers, too.",
  },
  "table-policy": {
    kind: "read",
    pays: "A rule of the option tables keeps it there: narrow the rule.",
  },
  "unlogged-table": {
    kind: "read",
    pays: "Readers do not have the rows of an unlogged table: ALTER TABLE … SET LOGGED gives them to readers.",
  },
  "foreign-table": {
    kind: "read",
    pays: "The rows come from another database: where readers reach that one, too, ask for a reader by a rule of the option tables.",
  },
  "too-long": {
    kind: "unknown",
    pays: "Texts that are so long are not judged: split them, or raise maxParseBytes.",
  },
  unparsable: {
    kind: "unknown",
    pays: "PostgreSQL does not accept these texts: parameters are written $1, and a file must have been written for psql.",
  },
  "transaction-start": {
    kind: "write",
    pays: "Where a transaction only reads, declare it READ ONLY: it goes to a reader with all that is in it.",
  },
};

/** @param answer - `undefined`: the text is not known */
export function kindOf(answer: Answer | undefined): Kind {
  if (answer === undefined) return "unknown";
  const { place, reason } = routeOf(answer);
  if (place === "reader") return "read";
  if (asksStatistics(answer)) return "write";
  return meanings[reason as Reason]?.kind ?? "write";
}

/** What would pay; `undefined`: nothing would, it is the writer's. */
export function remedyFor(reason: string, kind: Kind): string | undefined {
  const meaning = meanings[reason as Reason];
  return meaning?.kind === kind ? meaning.pays : undefined;
}

/** Whether it is about pg_stat_statements, as a check itself is: each server has its own. */
function asksStatistics(answer: Answer): boolean {
  if ("refused" in answer) return false;
  return [...answer.functions, ...answer.tables.reads].some(({ name }) =>
    /^pg_stat_statements(_reset|_info)?$/.test(name),
  );
}
