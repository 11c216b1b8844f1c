import type { IsolationLevel } from "./types.ts";

const levels = [
  "read uncommitted",
  "read committed",
  "repeatable read",
  "serializable",
] as const satisfies readonly IsolationLevel[];

export const isolationLevels: readonly string[] = levels;

export function isIsolationLevel(text: string | undefined): text is IsolationLevel {
  return text !== undefined && isolationLevels.includes(text);
}
