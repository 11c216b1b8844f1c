export interface Claim {
  /** Rows that it would fill. */
  readonly wanted: number;
  /** Rows that it has before others get more. */
  readonly least: number;
  /** Rows that it has before others get any; absent: none. */
  readonly first?: number;
}

/** Divides rows: what is one's first, then the least of each, then one for each in turn, as long as it wants any. */
export function roomFor(rows: number, claims: readonly Claim[]): readonly number[] {
  if (rows === Number.POSITIVE_INFINITY) return claims.map(({ wanted }) => wanted);
  const given = claims.map(() => 0);
  let left = Math.max(0, rows);
  const deal = (limitOf: (claim: Claim) => number): void => {
    for (let isDealt = true; isDealt && left > 0; ) {
      isDealt = false;
      for (const [at, claim] of claims.entries()) {
        const own = given[at] ?? 0;
        if (left === 0 || own >= limitOf(claim)) continue;
        given[at] = own + 1;
        left -= 1;
        isDealt = true;
      }
    }
  };
  deal(({ wanted, first = 0 }) => Math.min(wanted, first));
  deal(({ wanted, least }) => Math.min(wanted, least));
  deal(({ wanted }) => wanted);
  return given;
}
