/** What a comment tells of whoever sends a statement: names, and what each stands for. */
export type SqlTags = Readonly<Record<string, string | number | boolean | undefined>>;

/** Called for each statement, in the asynchronous context of its caller; `undefined`: no comment. */
export type SqlCommentFunction = () => SqlTags | undefined;

/** The comments that sqlcommenter writes, whoever has. */
const tagged = /^\s*[^\s='"]+='(?:[^'\\]|\\.)*'(?:\s*,\s*[^\s='"]+='(?:[^'\\]|\\.)*')*\s*$/s;

/**
 * Tags as a comment of SQL, in the format of sqlcommenter: sorted by their names, names and values
 * percent-encoded, so that nothing in them can end the comment, or begin another.
 *
 * @returns empty where there is no tag
 * @throws TypeError for what is no tags
 * @see https://google.github.io/sqlcommenter/spec/
 */
export function commentOf(tags: SqlTags): string {
  if (!isPlain(tags)) throw new TypeError("it is no plain object of tags");
  const pairs = Object.entries(tags)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${encoded(nameOf(name))}='${encoded(textOf(name, value))}'`)
    .sort();
  return pairs.length === 0 ? "" : `/*${pairs.join(",")}*/`;
}

/** A text with a comment behind it. The text must parse: a comment that it ends with has an end. */
export function withComment(sql: string, comment: string): string {
  // What may be a comment up to the end of the line must not swallow this one.
  const lastLine = sql.slice(Math.max(sql.lastIndexOf("\n"), sql.lastIndexOf("\r")) + 1);
  return `${sql}${lastLine.includes("--") ? "\n" : " "}${comment}`;
}

/** Whether a text ends with tags already. */
export function endsWithTags(sql: string): boolean {
  const text = sql.trimEnd();
  if (!text.endsWith("*/")) return false;
  return tagged.test(text.slice(text.lastIndexOf("/*") + 2, -2));
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(name: string): string {
  if (name === "") throw new TypeError("a tag has no name");
  return name;
}

function textOf(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isFinite(value)) return String(value);
  throw new TypeError(`the tag ${JSON.stringify(name)} is no text, number or boolean`);
}

/** As `encodeURIComponent`, which leaves a quote and an asterisk, and throws at half a character. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replace(
    /['*()!]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
