/**
 * A share as people write it: `40%`, `40 %`, `0.4`.
 *
 * @returns 0 to 1; `undefined`: it is none
 */
export function shareIn(text: string): number | undefined {
  const [, number, sign] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const share = sign === "%" ? Number(number) / 100 : Number(number);
  return share <= 1 ? share : undefined;
}

/** With so many digits, one at least, that it can be told from the limit: `40.02 %` from 40 %. */
export function percentBeside(share: number, limit: number): string {
  const told = (digits: number): string => (share * 100).toFixed(digits);
  let digits = 1;
  while (digits < 6 && share !== limit && Number(told(digits)) === limit * 100) digits += 1;
  return `${told(digits)} %`;
}

/** As it was given: `40 %`, `2.5 %`. */
export function percentOfLimit(limit: number): string {
  return `${Number((limit * 100).toFixed(6))} %`;
}
