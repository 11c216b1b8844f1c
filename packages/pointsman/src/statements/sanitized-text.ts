import { ShapeLexer, type Token } from "./shape-lexer.ts";

/** The longest text that is read, in characters: the event loop waits meanwhile. */
export const longestSanitized = 65_536;

/**
 * A text that may be shown: with `?` in place of each literal, and without comments, which may hold
 * anything. Names, keywords and parameters (`$1`) stay as they are spelled.
 *
 * @returns `undefined` for a text that is not read with certainty, or is longer than 65,536
 * characters: nothing of it may be shown
 * @example
 * sanitizedText("select * from users where name = 'Ada' and id = $1 -- from here");
 * // "select * from users where name = ? and id = $1"
 */
export function sanitizedText(sql: string): string | undefined {
  if (sql.length > longestSanitized) return undefined;
  const lexer = new ShapeLexer(sql);
  let shown = "";
  /** Up to where the text is in what is shown, or was left out. */
  let copied = 0;
  /** The last token that is no comment. */
  let last: Token = "sign";
  for (;;) {
    const token = lexer.next();
    switch (token) {
      case "comment":
        shown += sql.slice(copied, lexer.start);
        if (!endsInSpace.test(shown)) shown += " ";
        copied = lexer.end;
        continue;
      case "integer":
      case "number":
        break;
      case "string":
      case "bits":
      case "bytes":
        // Behind the end of a line a string goes on, and is read as its beginning was.
        if (last === "string" || last === "bits" || last === "bytes") return undefined;
        if (isDoubtful(lexer.text())) return undefined;
        break;
      case "unreadable":
        return undefined;
      case "end":
        return (shown + sql.slice(copied)).trim();
      default:
        last = token;
        continue;
    }
    last = token;
    shown += `${sql.slice(copied, lexer.start)}?`;
    copied = lexer.end;
  }
}

const endsInSpace = /\s$/;

/** Whether a server whose `standard_conforming_strings` is off reads on behind the end of a string. */
function isDoubtful(string: string): boolean {
  return string.startsWith("'") && string.includes("\\'");
}
