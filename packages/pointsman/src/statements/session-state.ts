import type { Classification } from "./types.ts";
import type { Verdict } from "./verdicts.ts";

/** Texts that nobody has looked into may do anything to their connection. */
const opaque: ReadonlySet<Verdict> = new Set<Verdict>(["procedure", "too-long", "unparsable"]);

/**
 * Whether the next user of a connection might find something of this text: it says so itself, or
 * it runs code that the text does not show. Functions of the application are trusted to leave
 * nothing: a reset behind each call of one would cost more than it is worth.
 */
export function mayLeaveState({ reader, session, verdict, statements }: Classification): boolean {
  if (reader) return false;
  if (session.length > 0) return true;
  if (statements.length === 0) return opaque.has(verdict);
  return statements.some(
    ({ command, verdict: own, contained }) =>
      contained !== true && (opaque.has(own) || command === "EXECUTE"),
  );
}
