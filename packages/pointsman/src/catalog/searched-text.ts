/** What stands around a name that is part of a longer one. */
const before = String.raw`(?<![\w$\u0080-\uffff])`;
const after = String.raw`(?![\w$\u0080-\uffff])`;

/**
 * A text in which names are looked for, without a parser. It errs to the safe side: what stands in a
 * string or a comment counts, and where names may be spelled in a way that is not looked for, all of
 * them do.
 */
export class SearchedText {
  readonly #folded: string;
  readonly #isEscaped: boolean;

  constructor(text: string) {
    this.#folded = text.toLowerCase();
    this.#isEscaped = this.#folded.includes('u&"');
  }

  /** Whether a name stands in it, quoted or not. */
  hasName(name: string): boolean {
    return this.#has(name, (spelled) => before + spelled + after);
  }

  /** Whether a name stands behind a dot, as in `t.f`, and is no call, as `s.f()` is. */
  hasAttribute(name: string): boolean {
    if (this.#hasComment) return this.hasName(name);
    return this.#has(name, (spelled) => String.raw`\.\s*"?${spelled}${after}(?!"?\s*\()`);
  }

  /** Whether an operator stands in it, or what SQL takes for it. */
  hasOperator(name: string): boolean {
    if (unspelled[name]?.test(this.#folded) === true) return true;
    if (!this.#folded.includes(name)) return false;
    // A sign is no operator of its own where a comment may end or a longer one be cut short.
    if (this.#hasComment || name === "+" || name === "-") return true;
    return new RegExp(notOperator.before + escaped(name) + notOperator.after).test(this.#folded);
  }

  /**
   * Whether one column of a relation or a field of a row may be meant in it, if the relation or the
   * row is: by its name, by a star, as part of a whole table or under another name (`t as u(a, b)`).
   */
  mayMean(field: string, of: string): boolean {
    if (this.hasName(field) || this.#hasComment || whole.test(this.#folded)) return true;
    const renamed = String.raw`"?\)?\s*(?:as\s+)?("(?:[^"]|"")*"|[\w$\u0080-\uffff]+)\s*\(`;
    const found = this.#folded.matchAll(
      new RegExp(before + escaped(of.toLowerCase()) + renamed, "g"),
    );
    return [...found].some(([, alias = ""]) => !neverAliases.test(alias));
  }

  get #hasComment(): boolean {
    return /--|\/\*/.test(this.#folded);
  }

  #has(name: string, pattern: (spelled: string) => string): boolean {
    const folded = name.toLowerCase();
    // A quote in a name is written twice.
    if (this.#isEscaped || name.includes('"')) return true;
    return this.#folded.includes(folded) && new RegExp(pattern(escaped(folded))).test(this.#folded);
  }
}

/** What does not belong to an operator; a sign behind one is another operator. */
const notOperator = {
  before: String.raw`(?<![+\-*/<>=~!@#%^&|\x60?])`,
  after: String.raw`(?![*/<>=~!@#%^&|\x60?])`,
};

/** All columns at once, or columns that are joined without a name. */
const whole = /(?:[,.)]|\b(?:select|distinct|all|returning))\s*\*|\b(?:table|natural)\b/;

/** Operators that SQL uses where they are not spelled, or spelled in another way. */
const unspelled: Readonly<Record<string, RegExp>> = {
  "=": /\b(?:in|any|some|all|case|nullif|using|natural|distinct)\b/,
  "<>": /!=|\b(?:in|any|some|all)\b/,
  "<=": /\bbetween\b/,
  ">=": /\bbetween\b/,
  "~~": /\blike\b/,
  "!~~": /\blike\b/,
  "~~*": /\bilike\b/,
  "!~~*": /\bilike\b/,
  "~": /\bsimilar\b/,
  "!~": /\bsimilar\b/,
};

/** What may stand between a table and a bracket and is no other name for it. */
const neverAliases = /^(?:on|where|using|in|union|intersect|except|and|or|not|join|limit|offset)$/;

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}
