import { PointsmanError } from "../errors.ts";
import type { Classification, Statement } from "../statements/types.ts";

/**
 * Inside a READ ONLY transaction on a reader there is no way back to the writer, so what would
 * succeed there and mean nothing, or go on behind its end, is refused.
 */
export function refusalOnReader(facts: Classification): PointsmanError | undefined {
  const subject = facts.meaninglessOnReader ?? facts.statements.find(leavesState)?.command;
  if (subject !== undefined) {
    return new PointsmanError(
      "MEANINGLESS_ON_READER",
      `${subject} would succeed inside this READ ONLY transaction, which runs on a reader, and be lost: what comes after the transaction may run elsewhere. Use SET LOCAL for settings, leave READ ONLY out, or set readOnlyTransactions: "writer".`,
    );
  }
  if (facts.statements.length > 1 && facts.statements.some(ends)) {
    return new PointsmanError(
      "MEANINGLESS_ON_READER",
      "This text ends a READ ONLY transaction, which runs on a reader, and goes on behind it, where the rest may not belong. Send COMMIT or ROLLBACK by itself.",
    );
  }
  return undefined;
}

const leavesState = (statement: Statement): boolean => statement.session.length > 0;

const ends = ({ transaction }: Statement): boolean =>
  (transaction?.kind === "commit" || transaction?.kind === "rollback") &&
  transaction.chain !== true;
