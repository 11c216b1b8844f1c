import type { LibraryError } from "../errors.ts";

/**
 * - `ok`: as it should be.
 * - `look`: works, but is worth a look.
 * - `bad`: does not work, or will not for long.
 * - `skipped`: could not be checked.
 */
export type Mark = "ok" | "look" | "bad" | "skipped";

/** What a check has found. */
export interface Finding {
  readonly mark: Mark;
  readonly found: string;
  /** What to do, when it is not as it should be. */
  readonly remedy?: string;
}

export const ok = (found: string): Finding => ({ mark: "ok", found });
export const look = (found: string, remedy: string): Finding => ({ mark: "look", found, remedy });
export const bad = (found: string, remedy: string): Finding => ({ mark: "bad", found, remedy });
export const skipped = (found: string): Finding => ({ mark: "skipped", found });

/** What the library says of itself: the first sentence tells what has happened, the others help. */
export function badBy({ message }: LibraryError): Finding {
  const end = message.indexOf(". ");
  if (end < 0) return { mark: "bad", found: message.replace(/\.$/, "") };
  return bad(message.slice(0, end), message.slice(end + 2));
}
