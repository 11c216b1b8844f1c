/**
 * One part of the name in a rule, the schema's or the table's. Outside of quotes `*` stands for any
 * characters, and capitals match what they are written as and what SQL makes of them.
 */
export class RulePart {
  /** Each spelling, cut at its wildcards. */
  readonly #spellings: readonly (readonly string[])[];

  constructor(text: string, quoted: boolean) {
    const folded = text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
    const spellings = quoted ? [[text]] : [...new Set([text, folded])].map((one) => one.split("*"));
    this.#spellings = spellings;
  }

  matches(name: string): boolean {
    return this.#spellings.some((pieces) => fits(pieces, name));
  }

  /** Whether everything that `other` matches is matched by this, too. */
  covers(other: RulePart): boolean {
    return other.texts.every((text) => this.matches(text));
  }

  /** What it matches, with `*` where there is a wildcard. */
  get texts(): readonly string[] {
    return this.#spellings.map((pieces) => pieces.join("*"));
  }

  /** Nothing but wildcards. */
  get isAnything(): boolean {
    return this.#spellings.every((pieces) => pieces.length > 1 && pieces.join("") === "");
  }
}

/** Whether a name consists of pieces in this order, with anything between two of them. */
function fits(pieces: readonly string[], name: string): boolean {
  const [first = "", ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of others) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** Any schema. */
const anything = new RulePart("*", false);

/** A name as a rule gives it: of a table in any schema, or in those that it names. */
export interface RuleName {
  readonly schema: RulePart;
  readonly table: RulePart;
}

/** `"…"`, with `""` for a quote in it, or a run of characters that needs no quotes. */
const part = /"((?:[^"]|"")+)"|([^".\s]+)/y;

/**
 * Reads `table`, `schema.table`, `schema.*`, `"Table"`.
 *
 * @returns `undefined` for what is no such name
 */
export function readRuleName(written: string): RuleName | undefined {
  const parts: RulePart[] = [];
  for (let at = 0; ; at++) {
    part.lastIndex = at;
    const [all, quoted, plain] = part.exec(written) ?? [];
    if (all === undefined) return undefined;
    parts.push(
      quoted === undefined
        ? new RulePart(plain as string, false)
        : new RulePart(quoted.replaceAll('""', '"'), true),
    );
    at += all.length;
    if (at === written.length) break;
    if (written[at] !== ".") return undefined;
  }
  const [first, second, ...others] = parts;
  if (first === undefined || others.length > 0) return undefined;
  return second === undefined
    ? { schema: anything, table: first }
    : { schema: first, table: second };
}
