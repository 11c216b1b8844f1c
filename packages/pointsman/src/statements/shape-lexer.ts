/** Kinds of literals, as far as the grammar tells them apart. */
export type Literal = "integer" | "number" | "string" | "bits" | "bytes";

/**
 * What stands at a place of a text, as far as its shape needs to know.
 *
 * `word` is a keyword or a name, `name` a name in double quotes, `sign` a parameter, an operator's character, a bracket or a comma. `unreadable` is what PostgreSQL
 * does not accept, and what may be spelled well but is not worth the risk of reading it otherwise
 * than PostgreSQL does.
 */
export type Token =
  | Literal
  | "word"
  | "name"
  | "opening"
  | "semicolon"
  | "sign"
  | "comment"
  | "unreadable"
  | "end";

/** Kinds of characters, as they stand where no token has begun. */
const letter = 0;
const digit = 1;
const space = 2;
const sign = 3;
const quote = 4;
const doubleQuote = 5;
const dollar = 6;
const dot = 7;
const dash = 8;
const slash = 9;
const parenthesis = 10;
const semicolon = 11;
/** In no text that PostgreSQL accepts, but in quotes and comments. */
const strange = 12;

const special = new Map<string, number>([
  ["'", quote],
  ['"', doubleQuote],
  ["$", dollar],
  [".", dot],
  ["-", dash],
  ["/", slash],
  ["(", parenthesis],
  [";", semicolon],
]);

const kinds = new Uint8Array(128).map((_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(character)) return letter;
  if (/[0-9]/.test(character)) return digit;
  if (" \t\n\r\f\v".includes(character)) return space;
  if (")[],:~!@#^&|`?+*%<>=".includes(character)) return sign;
  return special.get(character) ?? strange;
});

/** Whether a word goes on with this character. */
const inWords = kinds.map((kind) => (kind === letter || kind === digit || kind === dollar ? 1 : 0));

/** The largest whole number that the grammar takes for an integer. */
const maxInteger = 2_147_483_647;

/** Escapes that are accepted whatever stands behind them. */
const plainEscapes = `\\'"bfnrt`;

/**
 * Reads a text token by token, as PostgreSQL's scanner does with `standard_conforming_strings` on.
 * It knows where literals begin and end, and less than the scanner of all else.
 */
export class ShapeLexer {
  readonly #sql: string;
  /** Where the last token begins and ends. */
  start = 0;
  end = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** Whether the last token is this word, in whatever case, between so many quotes on each side. */
  is(word: string, quotes: 0 | 1): boolean {
    return this.end - this.start === word.length + 2 * quotes && this.begins(word, quotes);
  }

  /**
   * Whether the last token begins with these letters, behind so many quotes. It makes no string, and
   * takes both cases of a letter for one, and `_` for DEL.
   */
  begins(letters: string, quotes: 0 | 1): boolean {
    const from = this.start + quotes;
    for (let at = 0; at < letters.length; at++) {
      const code = this.#sql.charCodeAt(from + at);
      if ((code | 32) !== (letters.charCodeAt(at) | 32)) return false;
    }
    return true;
  }

  /** The last token. */
  text(): string {
    return this.#sql.slice(this.start, this.end);
  }

  /** Reads the next token, behind white space. */
  next(): Token {
    const sql = this.#sql;
    let start = this.end;
    let kind = kindAt(sql, start);
    while (kind === space) kind = kindAt(sql, ++start);
    this.start = start;
    switch (kind) {
      case letter:
        return this.#word();
      case digit:
        return this.#number();
      case quote:
        return this.#to(endOfQuoted(sql, start, "'"), "string");
      case doubleQuote:
        return this.#to(endOfQuoted(sql, start, '"'), "name");
      case dollar:
        return this.#dollar();
      case dash:
        if (sql[start + 1] === "-") return this.#to(endOfLineComment(sql, start), "comment");
        return this.#to(start + 1, "sign");
      case slash:
        if (sql[start + 1] === "*") return this.#to(endOfBlockComment(sql, start), "comment");
        return this.#to(start + 1, "sign");
      case dot:
        // `.5`, or the second number of `1.5.5`.
        return this.#to(kindAt(sql, start + 1) === digit ? -1 : start + 1, "sign");
      case parenthesis:
        return this.#to(start + 1, "opening");
      case semicolon:
        return this.#to(start + 1, "semicolon");
      case sign:
        return this.#to(start + 1, "sign");
      default:
        return start === sql.length ? "end" : "unreadable";
    }
  }

  #to(end: number, token: Token): Token {
    if (end === -1) return "unreadable";
    this.end = end;
    return token;
  }

  /** A word; one letter may also say how the quotes behind it are read. */
  #word(): Token {
    const sql = this.#sql;
    const end = endOfWord(sql, this.start);
    if (end === this.start + 1) {
      const open = kindAt(sql, end);
      switch (sql[this.start]) {
        case "e":
        case "E":
          if (open === quote) return this.#to(endOfEscapeString(sql, end), "string");
          break;
        case "b":
        case "B":
          if (open === quote) return this.#to(endOfDigits(sql, end), "bits");
          break;
        case "x":
        case "X":
          if (open === quote) return this.#to(endOfDigits(sql, end), "bytes");
          break;
        case "u":
        case "U": {
          // U&'…' and U&"…" have escapes of their own, and a word behind them says which.
          const behind = kindAt(sql, end + 1);
          if (sql[end] === "&" && (behind === quote || behind === doubleQuote)) return "unreadable";
        }
      }
    }
    return this.#to(end, "word");
  }

  /** A number in decimal digits. Spellings that drivers do not use (`0x1f`, `1_000`, `1.`) do not count. */
  #number(): Token {
    const sql = this.#sql;
    let end = skip(sql, this.start, digit);
    let token: Token = fitsInteger(sql, this.start, end) ? "integer" : "number";
    if (sql[end] === ".") {
      token = "number";
      const fraction = end + 1;
      end = skip(sql, fraction, digit);
      if (end === fraction) return "unreadable";
    }
    if (sql[end] === "e" || sql[end] === "E") {
      token = "number";
      const signed = sql[end + 1] === "+" || sql[end + 1] === "-";
      const exponent = signed ? end + 2 : end + 1;
      end = skip(sql, exponent, digit);
      if (end === exponent) return "unreadable";
    }
    return this.#to(runsOn(sql, end) ? -1 : end, token);
  }

  /** A parameter, or a string in dollar quotes. */
  #dollar(): Token {
    const sql = this.#sql;
    const end = skip(sql, this.start + 1, digit);
    if (end > this.start + 1) return this.#to(runsOn(sql, end) ? -1 : end, "sign");
    return this.#to(endOfDollarQuoted(sql, this.start), "string");
  }
}

/** Beyond the end of a text, everything is strange. */
function kindAt(sql: string, at: number): number {
  const code = sql.charCodeAt(at);
  if (code < 128) return kinds[code] as number;
  return at < sql.length ? letter : strange;
}

/** Behind the characters of one kind that begin here; here if there is none. */
function skip(sql: string, start: number, kind: number): number {
  let at = start;
  while (kindAt(sql, at) === kind) at++;
  return at;
}

function endOfWord(sql: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = sql.charCodeAt(at);
    if (code < 128 ? inWords[code] === 0 : at >= sql.length) return at;
    at++;
  }
}

/** Whether what ends here is followed by something that may belong to it. */
function runsOn(sql: string, end: number): boolean {
  const kind = kindAt(sql, end);
  return kind === letter || kind === digit || kind === dollar || kind === dot;
}

/** Whether the grammar takes these digits for an integer: they fit into 32 bits. */
function fitsInteger(sql: string, start: number, end: number): boolean {
  return end - start < 10 || Number(sql.slice(start, end)) <= maxInteger;
}

/** Behind what stands in quotes, doubled ones inside; -1 if it never ends. */
function endOfQuoted(sql: string, start: number, mark: `'` | `"`): number {
  let end = sql.indexOf(mark, start + 1);
  const code = mark.charCodeAt(0);
  while (end !== -1 && sql.charCodeAt(end + 1) === code) end = sql.indexOf(mark, end + 2);
  return end === -1 ? -1 : end + 1;
}

/** Behind the quoted digits of `B'01'` and `X'1f'`; no quote stands inside these, doubled or not. */
function endOfDigits(sql: string, start: number): number {
  const end = sql.indexOf("'", start + 1);
  return end === -1 || sql[end + 1] === "'" ? -1 : end + 1;
}

/**
 * Behind a string with escapes whose quote is here; -1 if it never ends, or has an escape by number:
 * those can spell characters that do not exist, and then the text does not parse.
 */
function endOfEscapeString(sql: string, start: number): number {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === "\\") {
      at++;
      if (at === sql.length || !plainEscapes.includes(sql[at] as string)) return -1;
    } else if (sql[at] === "'") {
      if (sql[at + 1] !== "'") return at + 1;
      at++;
    }
  }
  return -1;
}

/**
 * Behind the string in dollar quotes that begins here; -1 if none begins, or it never ends. A tag
 * may only have letters of ASCII: two halves of different characters are one to the parser.
 */
function endOfDollarQuoted(sql: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const kind = kindAt(sql, at);
    if (kind === dollar) break;
    if (sql.charCodeAt(at) >= 128) return -1;
    if (kind !== letter && (kind !== digit || at === start + 1)) return -1;
    at++;
  }
  const mark = sql.slice(start, at + 1);
  const end = sql.indexOf(mark, at + 1);
  return end === -1 ? -1 : end + mark.length;
}

function endOfLineComment(sql: string, start: number): number {
  let at = start + 2;
  while (at < sql.length && sql[at] !== "\n" && sql[at] !== "\r") at++;
  return at;
}

/** Behind the comment that begins here, with those inside it; -1 if it never ends. */
function endOfBlockComment(sql: string, start: number): number {
  let depth = 1;
  for (let at = start + 2; at < sql.length - 1; at++) {
    if (sql[at] === "/" && sql[at + 1] === "*") {
      depth++;
      at++;
    } else if (sql[at] === "*" && sql[at + 1] === "/") {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}
