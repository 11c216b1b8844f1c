import type { Hint } from "./types.ts";

const hints = new Map<string, Hint>([
  ["pointsman:writer", "writer"],
  ["pointsman:reader", "reader"],
]);

/**
 * The hint in the comments that a text begins with, if there is one.
 *
 * A hint is the whole of its comment, white space aside: `/* pointsman:writer *\/` or
 * `-- pointsman:reader` and the end of the line. Comments of others may stand before it or behind
 * it (tracers put theirs first); a comment inside a comment, or behind the first word of SQL, is no
 * hint. Of two that disagree, the writer's counts.
 */
export function hintOf(sql: string): Hint | undefined {
  let found: Hint | undefined;
  let at = 0;
  for (;;) {
    at = skipSpace(sql, at);
    const end = endOfComment(sql, at);
    if (end === at) return found;
    const inner = sql.startsWith("--", at) ? sql.slice(at + 2, end) : sql.slice(at + 2, end - 2);
    const hint = hints.get(inner.trim());
    if (hint !== undefined && found !== "writer") found = hint;
    at = end;
  }
}

/** Where the comment at a place ends; the place itself if there is none, or it never ends. */
function endOfComment(sql: string, start: number): number {
  if (sql.startsWith("--", start)) {
    let end = start + 2;
    while (end < sql.length && sql[end] !== "\n" && sql[end] !== "\r") end++;
    return end;
  }
  if (!sql.startsWith("/*", start)) return start;
  let depth = 1;
  for (let at = start + 2; at < sql.length - 1; at++) {
    const two = sql.slice(at, at + 2);
    if (two !== "/*" && two !== "*/") continue;
    depth += two === "/*" ? 1 : -1;
    at++;
    if (depth === 0) return at + 1;
  }
  return start;
}

function skipSpace(sql: string, start: number): number {
  let at = start;
  while (at < sql.length && " \t\n\r\f\v".includes(sql[at] as string)) at++;
  return at;
}
