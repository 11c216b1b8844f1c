import type { Classification, Statement, TransactionControl } from "../../statements/types.ts";

/** What a text means to the transactions that are played as savepoints of one. */
export type Step =
  | { readonly kind: "begin"; readonly readOnly: boolean }
  | { readonly kind: "commit" | "rollback" | "savepoint" | "release" | "rollback-to" }
  /** SET TRANSACTION with an isolation level, which a savepoint cannot have; sent in its place. */
  | { readonly kind: "isolation"; readonly instead: string }
  /** It would end the one transaction. */
  | { readonly kind: "refused"; readonly what: string }
  | { readonly kind: "statement"; readonly reads: boolean };

/** Texts with one of these must be sent by themselves. */
const boundaries: ReadonlySet<string | undefined> = new Set(["begin", "commit", "rollback"]);

const savepoints: ReadonlySet<string | undefined> = new Set([
  "savepoint",
  "release",
  "rollback-to",
]);

/** What a text means. Pure. Of a text that cannot be seen nothing is known: it may do anything. */
export function stepOf(facts: Classification | undefined): Step {
  if (facts === undefined) return { kind: "refused", what: "A query whose text cannot be seen" };
  const { statements } = facts;
  const refused = statements.map(refusalOf).find((what) => what !== undefined);
  if (refused !== undefined) return { kind: "refused", what: refused };
  const [first] = statements;
  if (statements.length > 1) {
    const within = statements.find(({ transaction }) => boundaries.has(transaction?.kind));
    if (within !== undefined) {
      return { kind: "refused", what: `${within.command} in a text of several statements` };
    }
  }
  if (first?.transaction !== undefined && statements.every(marks)) {
    return { kind: first.transaction.kind as "savepoint" };
  }
  if (statements.length === 1 && first?.transaction !== undefined) {
    const step = transactionStep(first.transaction);
    if (step !== undefined) return step;
  }
  return { kind: "statement", reads: facts.effect === "read" && facts.session.length === 0 };
}

/** Whether a statement does nothing but set or use savepoints. */
function marks({ transaction }: Statement): boolean {
  return savepoints.has(transaction?.kind);
}

function refusalOf({ command, transaction }: Statement): string | undefined {
  if (transaction?.chain === true) return `${command} AND CHAIN`;
  return transaction?.kind === "prepare" ? "PREPARE TRANSACTION" : undefined;
}

function transactionStep({ kind, readOnly, isolation }: TransactionControl): Step | undefined {
  switch (kind) {
    case "begin":
      return { kind, readOnly: readOnly === true };
    case "commit":
    case "rollback":
      return { kind };
    case "set":
      return isolation === undefined ? undefined : { kind: "isolation", instead: modes(readOnly) };
    default:
      return undefined;
  }
}

/** What is left of SET TRANSACTION without its isolation level. */
function modes(readOnly: boolean | undefined): string {
  if (readOnly === undefined) return "SET LOCAL pointsman.isolation = 'as it is'";
  return `SET TRANSACTION READ ${readOnly ? "ONLY" : "WRITE"}`;
}
