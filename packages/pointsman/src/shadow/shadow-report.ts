import type { Reason } from "../routing/reasons.ts";
import type { Target } from "../routing/route.ts";
import { BusiestTexts, type ShadowText } from "./busiest-texts.ts";
import type { ShadowRoute } from "./shadow-route.ts";

/** Reads by how long after a write they came. */
export interface ReadsAfterWrite {
  /** From so many milliseconds on, up to those of the next one. */
  readonly fromMs: number;
  readonly reads: number;
}

/** How long writes take to reach one reader. */
export interface ShadowLag {
  /** `host:port` of the reader, as it was configured. */
  readonly endpoint: string;
  /**
   * How long a write took to reach it, in milliseconds, two round trips included: when it was
   * measured last, or so far, when one is still on its way. Absent: it was not measured of late.
   */
  readonly lagMs?: number;
  /** The longest since the pool was made. */
  readonly mostMs?: number;
  /** Why it could not be measured last, in a sentence. */
  readonly problem?: string;
}

/**
 * What would have happened with `shadow` off, since the pool was made.
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 *
 * const pool = createPool({ shadow: true });
 * await pool.query("select * from books");
 * console.log(pool.stats().shadow?.readerShare); // 1
 * ```
 */
export interface ShadowStats {
  /** Statements answered, by where they would have gone. */
  readonly targets: Readonly<Record<Target, number>>;
  /** The share of statements that readers would have got, from 0 to 1; 0 before there was any. */
  readonly readerShare: number;
  /** The same statements by target and reason; reasons that did not occur are not there. */
  readonly reasons: Readonly<Record<Target, Readonly<Partial<Record<Reason, number>>>>>;
  /**
   * Statements that have succeeded on the writer and would have failed, as far as is known without
   * asking a reader.
   */
  readonly refusals: number;
  /** What became of reads that readers would have got. */
  readonly reads: {
    /** Nothing that they must see had been written before. */
    readonly withoutWrite: number;
    /** Something had. */
    readonly afterWrite: readonly ReadsAfterWrite[];
    /**
     * Of those: sooner than a write took to reach the slowest reader. Such a read would have waited,
     * or been served by another reader or the writer. Always 0 where no lag is measured.
     */
    readonly tooSoon: number;
  };
  /** The 100 busiest of the last 1,000 texts, the busiest first. */
  readonly texts: readonly ShadowText[];
  /** One for each reader that was configured. */
  readonly lag: readonly ShadowLag[];
}

const bounds = [0, 1, 10, 100, 1_000, 10_000] as const;
const mostTexts = 100;

/** Counts where statements would have gone. */
export class ShadowReport {
  readonly #targets: Record<Target, number> = { writer: 0, reader: 0 };
  readonly #reasons: Record<Target, Partial<Record<Reason, number>>> = { writer: {}, reader: {} };
  readonly #afterWrite: number[] = bounds.map(() => 0);
  readonly #texts = new BusiestTexts();
  #withoutWrite = 0;
  #tooSoon = 0;
  #refusals = 0;

  /** @param isFresh - it is a read that a reader would have got, if that had what it must see */
  count(text: string, route: ShadowRoute, isFresh: boolean): void {
    const { target, reason, refusal, sinceWriteMs, lagMs } = route;
    this.#targets[target] += 1;
    const reasons = this.#reasons[target];
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    const isRefused = refusal !== undefined;
    if (isRefused) this.#refusals += 1;
    const isTooSoon = sinceWriteMs !== undefined && lagMs !== undefined && sinceWriteMs < lagMs;
    if (isTooSoon) this.#tooSoon += 1;
    if (sinceWriteMs !== undefined) {
      const place = bounds.findLastIndex((from) => sinceWriteMs >= from);
      this.#afterWrite[place] = (this.#afterWrite[place] ?? 0) + 1;
    } else if (isFresh) this.#withoutWrite += 1;
    this.#texts.count(text, route, { isRefused, isTooSoon });
  }

  stats(lag: readonly ShadowLag[]): ShadowStats {
    const { writer, reader } = this.#targets;
    return {
      targets: { writer, reader },
      readerShare: reader === 0 ? 0 : reader / (writer + reader),
      reasons: { writer: { ...this.#reasons.writer }, reader: { ...this.#reasons.reader } },
      refusals: this.#refusals,
      reads: {
        withoutWrite: this.#withoutWrite,
        afterWrite: bounds.map((fromMs, place) => ({
          fromMs,
          reads: this.#afterWrite[place] ?? 0,
        })),
        tooSoon: this.#tooSoon,
      },
      texts: this.#texts.top(mostTexts),
      lag,
    };
  }
}
