/**
 * A position in the WAL as a number. PostgreSQL writes it as two hexadecimal halves without
 * leading zeros ("0/9FFFFFF", "1/0"), so neither text nor a double compares rightly.
 *
 * @example
 * parseLsn("1/0") > parseLsn("0/9FFFFFF"); // true
 */
export function parseLsn(text: string): bigint {
  const halves = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (!halves) throw new RangeError(`not a WAL position: ${JSON.stringify(text)}`);
  return (BigInt(`0x${halves[1]}`) << 32n) | BigInt(`0x${halves[2]}`);
}
