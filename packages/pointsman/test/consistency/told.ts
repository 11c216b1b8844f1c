import type { Change, Handoff, Operation, Read, Sight, Write } from "./history.ts";

/**
 * Histories told by hand, one operation after the other; `during` overlaps the operation that it is
 * given with those that the callback tells.
 */
export class Told {
  readonly operations: Operation[] = [];
  #clock = 0;

  write(session: number, changes: Change[], outcome: Write["outcome"] = "acknowledged"): this {
    return this.#tell({ kind: "write", session, process: 0, changes, outcome });
  }

  read(session: number, sights: Sight[], uncommitted: Change[] = []): this {
    return this.#tell({ kind: "read", session, process: 0, sights, uncommitted });
  }

  handoff(from: number, session: number): this {
    return this.#tell({ kind: "handoff", session, process: 0, from });
  }

  /** What was told last was sent before all this, and answered after it. */
  during(tell: (told: this) => void): this {
    const last = this.operations.pop() as Operation;
    tell(this);
    this.operations.push({ ...last, completed: ++this.#clock });
    return this;
  }

  #tell(operation: Untimed): this {
    const invoked = ++this.#clock;
    const completed = ++this.#clock;
    this.operations.push({ ...operation, invoked, completed });
    return this;
  }
}

type Untimed =
  | Omit<Write, "invoked" | "completed">
  | Omit<Read, "invoked" | "completed">
  | Omit<Handoff, "invoked" | "completed">;

export const set = (key: string, version: number): Change => ({ kind: "set", key, version });
export const append = (key: string, element: number): Change => ({ kind: "append", key, element });
export const at = (key: string, version: number): Sight => ({ kind: "version", key, version });
export const has = (key: string, ...elements: number[]): Sight => ({
  kind: "elements",
  key,
  elements,
});
