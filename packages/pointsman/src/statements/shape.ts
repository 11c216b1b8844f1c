import { isCostly } from "./parsing-cost.ts";
import { ShapeLexer, type Token } from "./shape-lexer.ts";

/**
 * The longest text that has a shape, in characters. A text makes a parse tree of some 95 bytes for
 * each of its characters at most; so none of these makes one that is too large to be judged, however
 * long its literals are.
 */
const maxLength = 8_192;

/** Commands in whose texts a literal is a value, and decides nothing but by a function. */
const commands: ReadonlySet<string> = new Set([
  ...["select", "values", "table", "with", "insert", "update", "delete", "merge"],
]);

/** Functions whose verdict depends on an argument. */
const lookedAt: ReadonlySet<string> = new Set(["current_setting", "set_config"]);
/** What the names begin with of functions that are given SQL for another server. */
const remote = "dblink";
/** The letters that all of these begin with. */
const initials = "csdCSD";

/** What stands in a shape for a literal: NUL is in no text that has one. */
const marks: Partial<Record<Token, string>> = {
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
  /** The last token that is not blank, as far as it matters to the next one. */
  let last: Token | "float" | "float(" = "word";
  for (;;) {
    const token = lexer.next();
    switch (token) {
      case "blank":
        continue;
      case "word":
        if (isLookedAt(lexer, 0)) return undefined;
        last = lexer.is("float") ? "float" : token;
        continue;
      case "name":
        if (isLookedAt(lexer, 1)) return undefined;
        break;
      case "opening":
        last = last === "float" ? "float(" : token;
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
    const mark = marks[token];
    if (mark === undefined) continue;
    shape += sql.slice(copied, lexer.start) + mark;
    copied = lexer.end;
  }
}

/** The first word, behind comments and parentheses; empty if the text begins otherwise. */
function firstWord(lexer: ShapeLexer): string {
  for (;;) {
    const token = lexer.next();
    if (token === "word") return lexer.text().toLowerCase();
    if (token !== "blank" && token !== "opening") return "";
  }
}

/** Whether nothing but blanks is left. */
function isLast(lexer: ShapeLexer): boolean {
  for (;;) {
    const token = lexer.next();
    if (token !== "blank") return token === "end";
  }
}

/** Whether the last token is a name of which the verdict looks at more. */
function isLookedAt(lexer: ShapeLexer, quotes: 0 | 1): boolean {
  if (lexer.end - lexer.start < remote.length || !initials.includes(lexer.at(quotes))) return false;
  const name = lexer.text().slice(quotes).toLowerCase();
  return lookedAt.has(quotes === 0 ? name : name.slice(0, -1)) || name.startsWith(remote);
}
