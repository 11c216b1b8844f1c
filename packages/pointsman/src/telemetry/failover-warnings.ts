import { warn } from "./warnings.ts";

/** The writer is not where it was, and is looked for. */
export function warnOfLostWriter(endpoint: string, reason: string): void {
  warn(
    "POINTSMAN_WRITER_LOST",
    `The writer is not to be had at ${endpoint} any more: ${reason.replace(/\.$/, "")}. It is looked for; what needs it waits.`,
  );
}

/** The topology of the cluster cannot be looked at. */
export function warnOfTopology(type: string, problem: string): void {
  warn(
    "POINTSMAN_TOPOLOGY_UNKNOWN",
    `The topology of the cluster cannot be looked at by "${type}": ${problem}. What was configured serves on.`,
  );
}
