/** The seed of the corpus that these numbers were counted with. */
export const defaultSeed = 7;

/** What a run may show at most. These numbers only ever go down. */
export interface Threshold {
  readonly unsafe: number;
  /** Of what a reader could serve. */
  readonly missedShare: number;
}

export const thresholds: Readonly<Record<number, Threshold>> = {
  14: { unsafe: 0, missedShare: 0 },
  18: { unsafe: 0, missedShare: 0 },
};
