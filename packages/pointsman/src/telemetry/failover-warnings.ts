import { warn } from "./warnings.ts";

/** The writer is not where it was, and is looked for. */
export function warnOfLostWriter(endpoint: string, reason: string): void {
  warn(
    "POINTSMAN_WRITER_LOST",
    `The writer is not to be had at ${endpoint} any more: ${reason.replace(/\.$/, "")}. It is looked for; what needs it waits.`,
  );
}
