import { LRUCache } from "lru-cache";
import type { Reason } from "../routing/reasons.ts";
import type { Target } from "../routing/route.ts";

/** One text, and where it would have gone. A text that goes two ways is there twice. */
export interface ShadowText {
  /** The SQL, without its values. At most 1,000 characters of it, with `…` behind them. */
  readonly text: string;
  readonly target: Target;
  readonly reason: Reason;
  readonly statements: number;
  /** Of these: refused there, as far as is known. */
  readonly refusals: number;
  /** Of these: reads that came sooner after a write than that took to reach a reader. */
  readonly tooSoon: number;
}

type Row = { -readonly [Field in keyof ShadowText]: ShadowText[Field] };

const longest = 1000;
const mostTexts = 1000;
const mostBytes = 1024 * 1024;

/**
 * Counts by text, in bounded memory. What was not seen for the longest time is forgotten first: an
 * application that writes values into its texts makes no two alike, and those do not push out what
 * is sent again and again.
 */
export class BusiestTexts {
  readonly #rows = new LRUCache<string, Row>({
    max: mostTexts,
    maxSize: mostBytes,
    // Key and text, in characters of two bytes, and what each row takes besides.
    sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + 200,
  });

  count(
    text: string,
    { target, reason }: Pick<ShadowText, "target" | "reason">,
    { isRefused, isTooSoon }: { readonly isRefused: boolean; readonly isTooSoon: boolean },
  ): void {
    const kept = text.length > longest ? `${text.slice(0, longest)}…` : text;
    const key = `${target} ${reason} ${kept}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      // A copy: a piece of a long text holds on to all of it.
      const own = Buffer.from(kept).toString();
      row = { text: own, target, reason, statements: 0, refusals: 0, tooSoon: 0 };
      this.#rows.set(`${target} ${reason} ${own}`, row);
    }
    row.statements += 1;
    if (isRefused) row.refusals += 1;
    if (isTooSoon) row.tooSoon += 1;
  }

  /** The busiest ones, the busiest first. */
  top(most: number): readonly ShadowText[] {
    return [...this.#rows.values()]
      .sort((a, b) => b.statements - a.statements)
      .slice(0, most)
      .map((row) => ({ ...row }));
  }
}
