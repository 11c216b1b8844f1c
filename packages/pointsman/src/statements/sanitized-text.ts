import { ShapeLexer } from "./shape-lexer.ts";

/**
 * A text for logs and screens: `?` in place of each literal, no comments, and one space for any
 * white space.
 *
 * @returns `undefined` for a text of which nobody can tell where its literals are
 * @example
 * sanitizedText("select * from t where mail = 'a@b.c' -- of Ann"); // "select * from t where mail = ?"
 */
export function sanitizedText(sql: string): string | undefined {
  const lexer = new ShapeLexer(sql);
  let text = "";
  let end = 0;
  for (;;) {
    const token = lexer.next();
    if (token === "unreadable") return undefined;
    if (token === "end") return text;
    const isApart = lexer.start > end;
    end = lexer.end;
    if (token === "comment") {
      // A comment parts what stands around it.
      end -= 1;
      continue;
    }
    if (isApart && text !== "") text += " ";
    text += isLiteral(token) ? "?" : lexer.text();
  }
}

function isLiteral(token: ReturnType<ShapeLexer["next"]>): boolean {
  switch (token) {
    case "integer":
    case "number":
    case "string":
    case "bits":
    case "bytes":
      return true;
    default:
      return false;
  }
}
