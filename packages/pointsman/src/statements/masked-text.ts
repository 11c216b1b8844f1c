import { ShapeLexer } from "./shape-lexer.ts";

/** How much of a text is kept, in characters. */
const maxLength = 8_192;

/**
 * A text without the data in it: `?` in place of each literal, and without comments. Parameters
 * (`$1`) stay, and names do. Of a long text the beginning is kept.
 *
 * @returns `undefined` for a text of which nobody can say for sure where its literals end: one that
 * PostgreSQL does not accept, or reads otherwise by a setting of the session
 *
 * @example
 * maskedText("select * from t where name = 'Ada' and id = $1"); // select * from t where name = ? and id = $1
 */
export function maskedText(sql: string): string | undefined {
  const lexer = new ShapeLexer(sql);
  let masked = "";
  /** Up to where the text is in the result, or left out of it. */
  let copied = 0;
  const leaveOut = (mark: string): void => {
    masked += sql.slice(copied, lexer.start) + mark;
    copied = lexer.end;
  };
  for (;;) {
    const token = lexer.next();
    if (token === "unreadable") return undefined;
    if (token === "end") return (masked + sql.slice(copied)).trim();
    if (token === "comment") leaveOut("");
    else if (token === "string") {
      // With standard_conforming_strings off a backslash hides the quote behind it.
      if (lexer.begins("'", 0) && lexer.text().includes("\\")) return undefined;
      leaveOut("?");
    } else if (token === "integer" || token === "number") leaveOut("?");
    else if (token === "bits" || token === "bytes") leaveOut("?");
    if (lexer.end > maxLength) return `${(masked + sql.slice(copied, lexer.end)).trim()}…`;
  }
}
