/**
 * The most tokens that a text may have, about: 1,000 of them take 1.5 ms to read and to judge, and 4
 * ms as long as V8 has not compiled the parser well. Those that only separate others do not count,
 * so that a list of 10,000 numbers or parameters stays below it.
 */
const maxTokens = 12_000;

/**
 * What the scanner may spend on long runs of operator characters, in steps of some 3 ns: it goes
 * over a run once for each character of it, and 64 KB of nothing but `+` or `/*` take it seconds.
 */
const maxSteps = 2_000_000;

const ignored = 0;
const word = 1;
const operator = 2;
/** A token by itself, as a parenthesis is. */
const single = 3;

/** What a character is, by its code. */
const kinds = new Uint8Array(128).map((_, code) => {
  const character = String.fromCharCode(code);
  if (code <= 32 || ",;)]".includes(character)) return ignored;
  if (/[\w$.]/.test(character)) return word;
  return "~!@#^&|`?+-*/%<>=".includes(character) ? operator : single;
});
const quote = 39;

/**
 * Whether parsing a text would hold up the event loop for longer than it may: it has more tokens
 * than statements that people or their ORMs write, or runs of operator characters so long that
 * PostgreSQL's scanner would take too much time over them (lines of `---` or `***` are far from it:
 * one run may have 1,400 characters). An estimate: comments count as well, strings as one token.
 */
export function isCostly(sql: string): boolean {
  if (sql.length <= maxTokens && sql.length ** 2 <= maxSteps) return false;
  let tokens = 0;
  let steps = 0;
  let run = 0;
  let last = ignored;
  let inString = false;
  for (let at = 0; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    const kind = code < 128 ? (kinds[code] as number) : word;
    // The sum of 1, 3, 5, … is the square of the run's length.
    if (kind === operator) steps += 2 * run++ + 1;
    else run = 0;
    if (code === quote) inString = !inString;
    if (!inString && (kind === single || (kind !== last && kind !== ignored))) tokens++;
    if (tokens > maxTokens || steps > maxSteps) return true;
    last = kind;
  }
  return false;
}
