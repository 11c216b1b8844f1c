/**
 * What an error says, for use within a sentence: without the full stop at its end. The reason of an
 * abort, and what a hook has thrown, may be anything.
 */
export function reasonFrom(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return said.replace(/\.$/, "");
}
