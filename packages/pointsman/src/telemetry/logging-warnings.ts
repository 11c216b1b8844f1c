import { warn } from "./warnings.ts";

/** A logger has thrown. */
export function warnOfFailingLogger(error: unknown): void {
  warn(
    "POINTSMAN_LOGGER_FAILED",
    `The logger has failed (${messageOf(error)}), and a line was not written. Statements go on; this is not told again.`,
  );
}

/** The function `sqlComment` has thrown, or returned what is no tags. */
export function warnOfUnusableTags(error: unknown): void {
  warn(
    "POINTSMAN_COMMENT_FAILED",
    `The function sqlComment has failed (${messageOf(error)}). A statement was sent without a comment; this is not told again. It must return an object of texts, numbers and booleans, or undefined.`,
  );
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\.$/, "");
}
