import { mayLeaveState } from "../statements/session-state.ts";
import type { Classification } from "../statements/types.ts";
import { isSubmittable, type QueryInput } from "./query-input.ts";
import { resetBatch, type SetUpStatement } from "./reset-session.ts";

/** What the users of one connection have left on it, and what its set-up has. */
export class SessionState {
  readonly #setUp: SetUpStatement[] = [];
  /** What the next user must not see; `"for good"` when no reset removes it. */
  #left: "nothing" | "something" | "for good" = "nothing";
  /** Whether what the set-up did is known well enough to do it again. */
  #resettable = true;

  get isClean(): boolean {
    return this.#left === "nothing";
  }

  /** Whether it must be thrown away, since no reset brings it back. */
  get isSpoilt(): boolean {
    return this.#left === "for good" || (this.#left === "something" && !this.#resettable);
  }

  /** A user sends a statement. */
  note(facts: Classification | undefined): void {
    if (facts?.session.includes("library") === true) this.#left = "for good";
    else if (this.isClean && (facts === undefined || mayLeaveState(facts))) {
      this.#left = "something";
    }
  }

  /** The set-up sends one: what it leaves is made again after a reset, or forbids one. */
  noteSetUp(facts: Classification | undefined, query: QueryInput, values: unknown): void {
    if (facts === undefined) {
      this.#resettable = false;
    } else if (facts.session.length > 0 && !isSubmittable(query)) {
      this.#setUp.push({ query, values: Array.isArray(values) ? values : undefined });
    } else if (facts.effect !== "read" && facts.effect !== "transaction") {
      this.#resettable = false;
    }
  }

  /** What brings it back to where it was after its set-up. */
  resetBatch(): readonly SetUpStatement[] {
    return resetBatch(this.#setUp);
  }

  /** The reset is over. */
  cleaned(): void {
    this.#left = "nothing";
  }
}
