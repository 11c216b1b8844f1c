const grouped = new Intl.NumberFormat("en");

/** 12345 as `12,345`. */
export const count = (value: number): string => grouped.format(value);

/** Milliseconds with one decimal. */
export const ms = (value: number): string => value.toFixed(1);

/** A text in at most `width` characters; where that is not all of it, it ends in `…`. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/**
 * A statement on one line. Where the line is too short for it, it goes without the list of what is
 * selected, since the tables tell more, and keeps the row lock at its end.
 */
export function shortenSql(sql: string, width: number): string {
  const line = sql.replace(/\s+/g, " ").trim();
  if (line.length <= width) return line;
  const from = /^select /i.test(line) ? outerFrom(line) : -1;
  const short = from === -1 ? line : `select …${line.slice(from)}`;
  const lock = / for (no key )?(update|(key )?share)\b.*$/i.exec(short)?.[0] ?? "";
  if (short.length <= width || lock === "") return shorten(short, width);
  return shorten(short.slice(0, -lock.length), width - lock.length) + lock;
}

/** Where a query's own FROM begins, past those of the subqueries before it. */
function outerFrom(query: string): number {
  let depth = 0;
  for (let i = 0; i < query.length; i += 1) {
    if (query[i] === "(") depth += 1;
    else if (query[i] === ")") depth -= 1;
    else if (depth === 0 && query.startsWith(" from ", i)) return i;
  }
  return -1;
}

/** A text broken into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A bar of `width` characters, of which `share` (0 to 1) is filled. */
export function bar(share: number, width: number, full = "█", empty = " "): string {
  const filled = Math.round(share * width);
  return full.repeat(filled) + empty.repeat(width - filled);
}
