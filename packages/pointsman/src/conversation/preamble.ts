import type { Classification, TransactionControl } from "../statements/types.ts";
import { type Item, isUndecided } from "./item.ts";

/**
 * What a transaction was told to be since its BEGIN, for as long as nothing else was sent in it.
 * Some ORMs can open a transaction by a plain BEGIN only: it goes to the writer, and what declares
 * it READ ONLY comes behind.
 */
export class Preamble {
  #modes: Omit<TransactionControl, "kind"> | undefined;

  /**
   * A statement is about to be sent.
   *
   * @param isFree - nothing that was sent before ties its client to the writer
   */
  follow(item: Item, isFree: boolean): void {
    const control = controlOf(item.facts);
    if (control?.kind === "begin") this.#modes = isFree && isUndecided(item) ? control : undefined;
    else if (control?.kind !== "set") this.#modes = undefined;
    else if (this.#modes !== undefined) this.#modes = { ...this.#modes, ...control };
  }

  /**
   * What would have opened the transaction that a statement declares READ ONLY now; `undefined`: it
   * does not, or something was done in it already.
   */
  readOnlyBegin(facts: Classification): string | undefined {
    const control = controlOf(facts);
    if (this.#modes === undefined || control?.kind !== "set" || control.readOnly !== true)
      return undefined;
    const { isolation, deferrable } = { ...this.#modes, ...control };
    const level = isolation === undefined ? "" : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
    return `BEGIN${level} READ ONLY${deferrable === true ? " DEFERRABLE" : ""}`;
  }
}

function controlOf({ statements, transaction }: Classification): TransactionControl | undefined {
  return statements.length === 1 ? transaction : undefined;
}
