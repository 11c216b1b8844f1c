/**
 * A name as SQL takes it, whatever is in it.
 *
 * @example
 * identifier('a "b"'); // "a ""b"""
 */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
