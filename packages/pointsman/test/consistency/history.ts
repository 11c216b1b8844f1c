/**
 * What happened in a run, as those who asked saw it. Sessions are lines of work that must see their
 * own writes; each of them may hop between processes.
 */
export type History = readonly Operation[];

export type Operation = Write | Read | Handoff;

interface Asked {
  readonly session: number;
  /** The process, that is the pool, where it was asked. */
  readonly process: number;
  /** When it was sent, and when its answer was complete: numbers of one clock for all processes. */
  readonly invoked: number;
  readonly completed: number;
}

/** A statement or a transaction that changed something: all of its changes come about at once. */
export interface Write extends Asked {
  readonly kind: "write";
  readonly changes: readonly Change[];
  /** `failed`: certainly not done. `unknown`: nobody can know, for the answer was lost. */
  readonly outcome: "acknowledged" | "failed" | "unknown";
}

/** Keys that were read in one snapshot. */
export interface Read extends Asked {
  readonly kind: "read";
  readonly sights: readonly Sight[];
  /** What the transaction around it had changed, and not yet committed. */
  readonly uncommitted?: readonly Change[];
  /** The server that answered. */
  readonly server?: string;
}

/**
 * A session went on from a token of another one: what `from` had seen and written by `invoked`
 * binds `session` from `completed` on.
 */
export interface Handoff extends Asked {
  readonly kind: "handoff";
  readonly from: number;
}

/** A register got its next version, which the database has chosen; or a list got an element. */
export type Change =
  | { readonly kind: "set"; readonly key: string; readonly version: number | undefined }
  | { readonly kind: "append"; readonly key: string; readonly element: number };

/** A register stood at a version, 0 before its first; or a list had these elements. */
export type Sight =
  | { readonly kind: "version"; readonly key: string; readonly version: number }
  | { readonly kind: "elements"; readonly key: string; readonly elements: readonly number[] };

/** Whether a sight of the same key shows that a change has come about. */
export function shows(sight: Sight, change: Change): boolean {
  if (sight.kind === "version") {
    return change.kind === "set" && sight.version >= (change.version ?? 0);
  }
  return change.kind === "append" && sight.elements.includes(change.element);
}
