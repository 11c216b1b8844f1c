/** The seed of the corpus that these numbers were counted with. */
export const defaultSeed = 7;

/**
 * The newest version has all statements run on it, which takes minutes; the others so many of them:
 * all that is new in routing is tried on the newest.
 */
export function shareFor(major: number): number {
  return major >= 18 ? 1 : 8;
}

/** What a run may show at most. These numbers only ever go down. */
export interface Threshold {
  readonly unsafe: number;
  /** Of what a reader could serve; of a sample it is what happens to be in it. */
  readonly missedShare: number;
}

export function thresholdOf(every: number): Threshold {
  return { unsafe: 0, missedShare: every === 1 ? 0.02 : 0.03 };
}
