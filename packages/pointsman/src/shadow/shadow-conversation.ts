import type { VisibleEffects } from "../consistency/effects.ts";
import type { Line } from "../consistency/line.ts";
import type { Route, Target } from "../routing/route.ts";
import type { Classification } from "../statements/types.ts";
import type { WritesUnderWay } from "./recent-writes.ts";

/** How a statement on a client has ended. */
export interface Ending {
  readonly error: Error | undefined;
  /** Whether a transaction is open behind it. */
  readonly open: boolean;
}

/**
 * What a checked-out client would be with `shadow` off: whether it would stay on the writer, and
 * where its open transaction would stand.
 */
export class ShadowConversation {
  /** It was taken from the pool of a side by hand. */
  byHand: Target | undefined;
  #transaction: Target | undefined;
  /** Where the last statement would have gone. */
  #last: Target = "writer";
  #pinned = false;
  /** Lines with writes that are not to be seen yet. */
  readonly #touched = new Set<Line>();
  readonly #underWay = new Set<WritesUnderWay>();

  /** The side on which its open transaction would stand, if it has one. */
  get transactionOn(): Target | undefined {
    return this.#transaction;
  }

  get pinned(): boolean {
    return this.#pinned;
  }

  /**
   * Nothing is under way, and the connection knows whether a transaction is open: of a statement
   * that has failed that was a guess.
   *
   * @returns the lines that may see something new since then
   */
  rested(open: boolean): readonly Line[] {
    if (open) {
      this.#transaction ??= this.#last;
      return [];
    }
    this.#transaction = undefined;
    const shown = [...this.#touched];
    this.#touched.clear();
    return shown;
  }

  /** The lines for which a statement that is sent now may show something new when it is answered. */
  expects({ writes, commits }: VisibleEffects, lines: readonly Line[]): readonly Line[] {
    if (this.#transaction === undefined) return writes || commits ? lines : [];
    return commits ? [...this.#touched] : [];
  }

  begun(writes: WritesUnderWay): void {
    this.#underWay.add(writes);
  }

  ended(writes: WritesUnderWay): void {
    this.#underWay.delete(writes);
  }

  /** Writes that have never been answered. */
  get underWay(): Iterable<WritesUnderWay> {
    return this.#underWay;
  }

  /**
   * A statement is answered.
   *
   * @returns the lines that can see something new now
   */
  answered(
    facts: Classification,
    route: Route,
    effects: VisibleEffects,
    lines: readonly Line[],
    { error, open }: Ending,
  ): readonly Line[] {
    this.#last = route.target;
    if (this.byHand === undefined && route.target === "writer" && !facts.reader) {
      this.#pinned = true;
    }
    if (effects.writes && (error === undefined || !effects.allOrNothing)) {
      for (const line of lines) this.#touched.add(line);
    }
    // Of one that has failed pg tells before it has heard whether the transaction is open still.
    const wasOpen = this.#transaction !== undefined;
    const kind = facts.transaction?.kind;
    const ends = kind === "commit" || kind === "rollback" || kind === "prepare";
    const isOpen = error === undefined ? open : wasOpen && !ends;
    this.#transaction = isOpen ? (this.#transaction ?? route.target) : undefined;
    if (isOpen) return [];
    const undone = effects.rollsBack || (error !== undefined && wasOpen);
    const shown = undone ? [] : [...this.#touched];
    this.#touched.clear();
    return shown;
  }
}
