import type { FunctionCall } from "./types.ts";

/** Whether a call is known to change nothing, on whichever server it runs. */
export function onlyReads({ knowledge }: FunctionCall): boolean {
  return knowledge === "harmless" || knowledge === "reads";
}
