import { parse } from "../../src/statements/parser.ts";

export type Target = "writer" | "reader";

/** What most ORMs amount to: the first word of the text. */
export function byKeyword(text: string): Target {
  const [word = ""] = /[a-z]+/i.exec(text.replace(/\/\*.*?\*\//gs, "")) ?? [];
  return /^(select|with|values|table|show|explain)$/i.test(word) ? "reader" : "writer";
}

/** The syntax tree without any knowledge of functions: a plain SELECT, and nothing in it that writes. */
export function byTree(text: string): Target {
  const tree = parse(text);
  if (typeof tree === "string") return "writer";
  const plain = (tree.stmts ?? []).every(({ stmt }) => stmt !== undefined && "SelectStmt" in stmt);
  return plain &&
    !/"(intoClause|lockingClause|(Insert|Update|Delete|Merge)Stmt)":/.test(JSON.stringify(tree))
    ? "reader"
    : "writer";
}
