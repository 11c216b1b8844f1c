/** A name as SQL has it whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name for people: with quotes where SQL needs them, and on one line. */
export function shown(name: string): string {
  return oneLine(/^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoted(name));
}

/** Names may have anything in them; a comment ends with its line, and a terminal obeys signs. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** `1 table`, `2 tables` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The first few, and how many more there are. */
export function few(names: readonly string[], count = names.length, most = 3): string {
  const rest = count - Math.min(names.length, most);
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
