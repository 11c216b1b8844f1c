import type { QueryInput } from "../../servers/query-input.ts";
import type { Classification } from "../../statements/types.ts";

/** A statement that is to be sent, and what is known of it. */
export interface Statement {
  readonly query: QueryInput;
  readonly values: unknown;
  readonly facts: Classification | undefined;
}

/** How a statement has ended. */
export interface Answer {
  readonly error?: Error | undefined;
  readonly result?: unknown;
}

/**
 * The answer to something that stands for another command. Of a text of several commands it is the
 * first one's.
 */
export function answerTo(command: string, { error, result }: Answer): Answer {
  const first: unknown = Array.isArray(result) ? result[0] : result;
  if (typeof first === "object" && first !== null) Object.assign(first, { command });
  return { error, result: first };
}
