import { isCostly } from "./parsing-cost.ts";
import { type Literal, ShapeLexer, type Token } from "./shape-lexer.ts";

/**
 * The longest text that has a shape, in characters. A parse tree has fewer than 100 bytes for each
 * character of its text, so none of these is too large to be judged, however long its literals are.
 */
const maxLength = 8_192;

/** Commands in whose texts a literal is a value, and decides nothing but by a function. */
const commands: ReadonlySet<string> = new Set([
  ...["select", "values", "table", "with", "insert", "update", "delete", "merge"],
]);

/** What stands in a shape for a literal: NUL is in no text that has one. */
const marks: Readonly<Record<Literal, string>> = {
  integer: "\0i",
  number: "\0n",
  string: "\0s",
  bits: "\0b",
  bytes: "\0x",
};

/**
 * The shape of a text: the text with a mark in place of each literal, which tells the literal's kind
 * and nothing else. Texts of one shape differ in their values only, and have the same verdict.
 *
 * A text has no shape where a literal might change the verdict, or might keep the text from being
 * parsed: such a text must be parsed itself. It reads the text once, and takes a small part of the
 * time that parsing takes.
 *
 * @returns `undefined` for a text without a shape, and for one without a literal.
 * @example
 * shapeOf("select * from t where id = 1") === shapeOf("select * from t where id = 2"); // true
 * shapeOf("select current_setting('work_mem')"); // undefined
 */
export function shapeOf(sql: string): string | undefined {
  if (sql.length > maxLength || sql.includes("\0") || isCostly(sql)) return undefined;
  const lexer = new ShapeLexer(sql);
  if (!commands.has(firstWord(lexer))) return undefined;
  let shape = "";
  /** Up to where the text is in the shape. */
  let copied = 0;
  /** The last token that is no comment, as far as it matters to the next one. */
  let last: Token | "float" | "float(" = "word";
  for (;;) {
    const token = lexer.next();
    switch (token) {
      case "sign":
        last = token;
        continue;
      case "word":
        if (isLookedAt(lexer, 0)) return undefined;
        last = lexer.is("float", 0) ? "float" : token;
        continue;
      case "name":
        if (isLookedAt(lexer, 1)) return undefined;
        last = token;
        continue;
      case "opening":
        last = last === "float" ? "float(" : token;
        continue;
      case "comment":
        continue;
      case "integer":
      case "number":
        // The one number that the grammar itself looks at: the precision of `float(24)`.
        if (last === "float(") return undefined;
        break;
      case "string":
      case "bits":
      case "bytes":
        // Behind the end of a line a string goes on, and is read as its beginning was.
        if (last === "string" || last === "bits" || last === "bytes") return undefined;
        break;
      case "semicolon":
        if (!isLast(lexer)) return undefined;
        continue;
      case "end":
        return copied === 0 ? undefined : shape + sql.slice(copied);
      case "unreadable":
        return undefined;
    }
    last = token;
    shape += sql.slice(copied, lexer.start) + marks[token];
    copied = lexer.end;
  }
}

/** The first word, behind comments and parentheses; empty if the text begins otherwise. */
function firstWord(lexer: ShapeLexer): string {
  for (;;) {
    const token = lexer.next();
    if (token === "word") return lexer.text().toLowerCase();
    if (token !== "comment" && token !== "opening") return "";
  }
}

/** Whether nothing but comments is left. */
function isLast(lexer: ShapeLexer): boolean {
  for (;;) {
    const token = lexer.next();
    if (token !== "comment") return token === "end";
  }
}

/** Whether the last token names a function whose verdict depends on an argument, or dblink. */
function isLookedAt(lexer: ShapeLexer, quotes: 0 | 1): boolean {
  return (
    lexer.is("current_setting", quotes) ||
    lexer.is("set_config", quotes) ||
    // dblink_exec and others, too: they are given SQL for another server.
    lexer.begins("dblink", quotes)
  );
}
