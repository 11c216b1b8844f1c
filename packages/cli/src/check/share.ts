/**
 * A share as people write it: `40%`, `40 %`, `0.4`.
 *
 * @returns 0 to 1; `undefined`: it is none
 */
export function shareIn(text: string): number | undefined {
  const [, number, sign] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  // Read as what it is: 0.7 / 100 is less than the nearest number to 0.007.
  const share = sign === "%" ? Number(`${number}e-2`) : Number(number);
  return share <= 1 ? share : undefined;
}

/** With so many digits, one at least, that it can be told from the limit: `40.02 %` from 40 %. */
export function percentBeside(share: number, limit: number): string {
  const told = (digits: number): string => (share * 100).toFixed(digits);
  let digits = 1;
  const most = Number((limit * 100).toFixed(6));
  while (digits < 6 && share !== limit && Number(told(digits)) === most) digits += 1;
  return `${told(digits)} %`;
}

/** As it was given: `40 %`, `2.5 %`. */
export function percentOfLimit(limit: number): string {
  return `${Number((limit * 100).toFixed(6))} %`;
}
