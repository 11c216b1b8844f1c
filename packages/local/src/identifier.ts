/**
 * A name as SQL takes it, whatever is in it.
 *
 * @example
 * identifier('a "b"'); // "a ""b"""
 */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A text as SQL takes it, whatever is in it and whatever the server's settings are.
 *
 * @example
 * literal("it's"); // "E'it''s'"
 */
export function literal(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n");
  return `E'${escaped}'`;
}
