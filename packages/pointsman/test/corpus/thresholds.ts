/** The seed of the corpus that these numbers were counted with. */
export const defaultSeed = 7;

/** Tests run every so many of its statements: all of them take minutes. */
export const sample = 8;

/** What a run of the sample may show at most, by the texts alone. */
export interface Threshold {
  readonly unsafe: number;
  /** Of what a reader could serve; rounded to four digits. */
  readonly missedShare: number;
}

/** As counted on the oldest and the newest version. These numbers only ever go down. */
const oldest: Threshold = { unsafe: 38, missedShare: 0.2 };
const newest: Threshold = { unsafe: 39, missedShare: 0.1932 };

/** The versions in between have builtins and syntax of either: what one of the two may show. */
export function thresholdOf(major: number): Threshold {
  if (major <= 14) return oldest;
  if (major >= 18) return newest;
  return {
    unsafe: Math.max(oldest.unsafe, newest.unsafe),
    missedShare: Math.max(oldest.missedShare, newest.missedShare),
  };
}
