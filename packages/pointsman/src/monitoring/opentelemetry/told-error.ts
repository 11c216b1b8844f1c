/** What a span says of an error. */
export interface ToldError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** Whether PostgreSQL has sent an error, whose code is a SQLSTATE then. */
export function isOfServer(error: unknown): error is Error & { readonly code: string } {
  const { severity, code } = error as { readonly severity?: unknown; readonly code?: unknown };
  return typeof severity === "string" && typeof code === "string";
}

/**
 * An error as a span may tell it. PostgreSQL spells values in its messages, as in `invalid input
 * syntax for type integer: "…"`: they are left out where texts are sanitized.
 */
export function toldError(error: unknown, withMessage: boolean): ToldError {
  if (!(error instanceof Error)) return { name: "unknown", message: withMessage ? `${error}` : "" };
  const { name, message, stack } = error;
  const { code } = error as { readonly code?: unknown };
  const told = withMessage || !isOfServer(error) ? message : withoutValues(error);
  return {
    name,
    message: told,
    ...(typeof code === "string" ? { code } : {}),
    ...(stack?.includes(message) === true ? { stack: stack.replace(message, () => told) } : {}),
  };
}

function withoutValues(error: Error & { readonly code: string }): string {
  const { constraint } = error as { readonly constraint?: unknown };
  const what =
    typeof constraint === "string" ? `${error.code}, constraint ${constraint}` : error.code;
  return `PostgreSQL has answered with an error: ${what}`;
}
