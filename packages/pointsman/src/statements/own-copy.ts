/**
 * A copy of a text that keeps nothing else alive: a piece of a long string, such as a statement out
 * of a file, holds on to all of it. A text with half a surrogate pair would change; it stays.
 */
export function ownCopy(text: string): string {
  const copy = Buffer.from(text).toString();
  return copy === text ? copy : text;
}
