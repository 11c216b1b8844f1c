import { type Guarantee, guarantees } from "./guarantees.ts";
import type { Change, Operation, Sight } from "./history.ts";

/** A guarantee that a history breaks, and the operations that show it. */
export interface Violation {
  readonly guarantee: Guarantee;
  readonly session: number;
  readonly key: string;
  /** What went wrong, in words. */
  readonly story: string;
  /** The operations that it takes to see it, in the order of time; the last one is what is wrong. */
  readonly operations: readonly Operation[];
}

/** The verdict on a history. */
export interface Verdict {
  readonly operations: number;
  readonly sessions: number;
  readonly counts: Readonly<Record<Guarantee, number>>;
  /** The first ones of each guarantee. */
  readonly violations: readonly Violation[];
}

export function totalOf({ counts }: Verdict): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Collects violations: it counts them all, and keeps the first ones of each guarantee. */
export class Violations {
  readonly counts = Object.fromEntries(
    Object.keys(guarantees).map((guarantee) => [guarantee, 0]),
  ) as Record<Guarantee, number>;
  readonly kept: Violation[] = [];
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The violation is only put together when it is kept. */
  add(guarantee: Guarantee, describe: () => Omit<Violation, "guarantee">): void {
    this.counts[guarantee] += 1;
    if (this.counts[guarantee] <= this.#keep) this.kept.push({ guarantee, ...describe() });
  }
}

/** A violation on some lines that a person can read. */
export function formatViolation({ guarantee, story, operations }: Violation): string {
  return [`${guarantee}: ${story}`, ...operations.map((one) => `    ${formatOperation(one)}`)].join(
    "\n",
  );
}

function formatOperation(operation: Operation): string {
  const { session, process, invoked, completed } = operation;
  const where = `${invoked}-${completed}  session ${session} in process ${process}`;
  switch (operation.kind) {
    case "write":
      return `${where} wrote ${operation.changes.map(formatChange).join(", ")} (${operation.outcome})`;
    case "read": {
      const from = operation.server === undefined ? "" : ` from ${operation.server}`;
      const own = operation.uncommitted?.map(formatChange).join(", ");
      const inside = own ? `, its transaction having written ${own}` : "";
      return `${where} read ${operation.sights.map(formatSight).join(", ")}${from}${inside}`;
    }
    case "handoff":
      return `${where} went on from session ${operation.from}`;
  }
}

export function formatChange(change: Change): string {
  return change.kind === "set"
    ? `${change.key} version ${change.version ?? "?"}`
    : `${change.key} element ${change.element}`;
}

function formatSight(sight: Sight): string {
  return sight.kind === "version"
    ? `${sight.key} version ${sight.version}`
    : `${sight.key} elements [${[...sight.elements].sort((a, b) => a - b).join(" ")}]`;
}
