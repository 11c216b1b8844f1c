/** An error of the library, told by its name: its main module is too much to load for a class. */
export interface LibraryError extends Error {
  readonly code: string;
}

export function isLibraryError(error: unknown): error is LibraryError {
  return (
    error instanceof Error && (error.name === "PointsmanError" || error.name === "ConfigError")
  );
}

/** The short name of what went wrong, such as `ECONNREFUSED` or an SQLSTATE. */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** What an error says, on one line. */
export function reasonOf(error: unknown): string {
  // Node's own when each of several addresses has failed: it says nothing by itself.
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, " ") || (codeOf(error) ?? "unknown error");
}
