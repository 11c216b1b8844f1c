import { boundedTexts } from "./bounded-texts.ts";
import type { Reason } from "./routing/reasons.ts";

/** The texts that readers have refused, which go to the writer from then on. */
export class RefusedTexts {
  readonly #refused = boundedTexts<true>();
  /** Refused too late to be moved: the writer has them next, and tells whether that is right. */
  readonly #suspects = boundedTexts<true>();

  /** How many are known for certain. */
  get size(): number {
    return this.#refused.size;
  }

  has(text: string | undefined): boolean {
    if (text === undefined || this.#refused.size + this.#suspects.size === 0) return false;
    return this.#refused.has(text) || this.#suspects.has(text);
  }

  isSuspect(text: string | undefined): boolean {
    return text !== undefined && this.#suspects.size > 0 && this.#suspects.has(text);
  }

  suspect(text: string | undefined): void {
    if (text !== undefined) this.#suspects.set(text, true);
  }

  /** A text belongs to the writer when a reader has refused it and the writer has not. */
  learn(text: string, reason: Reason, succeeded: boolean): void {
    const suspected =
      reason === "refused" && this.#suspects.size > 0 && this.#suspects.delete(text);
    if (succeeded && (suspected || reason === "after-refusal")) this.#refused.set(text, true);
  }
}
