/** A statement of a script, as psql would send it. */
export interface ScriptStatement {
  /** With the comments before it: a hint may be among them. */
  readonly text: string;
  /** Where it begins, behind those comments: a line of the script, counted from 1. */
  readonly line: number;
}

const blank = /\s+/y;
const lineComment = /--[^\n\r]*/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /\d[\w.]*/y;
const quoted = /'[^']*(?:'|$)/y;
/** E'…', where a backslash takes the next character with it. */
const escaped = /'[^'\\]*(?:\\[\s\S][^'\\]*)*(?:'|$)/y;
const name = /"[^"]*(?:"|$)/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
/** One of psql's own commands; another may stand behind it on its line. */
const ownCommand = /\\(;|[^\s;\\]*)[^\\\n\r]*/y;
/** Those of psql's commands that send what stands before them. */
const sends = /^(g|gx|gset|gexec|gdesc|watch|crosstabview|parse|sendpipeline)$/;
/** What is copied in: it ends with a line of its own. */
const copiedData = /[^\n]*\n(?:[\s\S]*?^\\\.[^\n]*(?:\n|$)|[\s\S]*$)/my;

/**
 * Splits a script into its statements as psql does: at semicolons, but not in quotes, in comments,
 * between parentheses and in the bodies of functions. psql's own commands (`\set`, `\connect`) and
 * the data behind `COPY … FROM STDIN` are left out.
 */
export function splitStatements(script: string): ScriptStatement[] {
  return new Splitter(script).statements();
}

/** The text without the comments and the space before its first word. */
export function withoutLeadingComments(text: string): string {
  return text.slice(endOfBlank(text, 0));
}

class Splitter {
  readonly #script: string;
  readonly #found: ScriptStatement[] = [];
  #at = 0;
  /** What has been read of the statement, up to `#kept`. */
  #text = "";
  #kept = 0;
  /** Where its first word is. */
  #start: number | undefined;
  #parentheses = 0;
  /** BEGIN, and CASE within, that have not ended. */
  #blocks = 0;
  /** Its words outside of parentheses, in lower case. */
  #words: string[] = [];
  /** Lines are counted from one statement to the next. */
  #line = 1;
  #counted = 0;

  constructor(script: string) {
    this.#script = script;
  }

  statements(): ScriptStatement[] {
    const { length } = this.#script;
    while (this.#at < length) {
      const next = endOfBlank(this.#script, this.#at);
      if (next > this.#at) this.#at = next;
      else if (this.#script[this.#at] === "\\") this.#ownCommand();
      else this.#token();
    }
    this.#end();
    return this.#found;
  }

  #token(): void {
    const character = this.#script[this.#at] as string;
    if (character === ";" && this.#parentheses === 0 && this.#blocks === 0) {
      this.#at += 1;
      const isCopying = this.#words[0] === "copy" && /\bfrom stdin\b/.test(this.#words.join(" "));
      this.#end(1);
      if (isCopying && this.#read(copiedData) !== undefined) this.#kept = this.#at;
      return;
    }
    this.#start ??= this.#at;
    switch (character) {
      case "(":
        this.#parentheses += 1;
        this.#at += 1;
        return;
      case ")":
        this.#parentheses = Math.max(0, this.#parentheses - 1);
        this.#at += 1;
        return;
      case "'":
        this.#read(quoted);
        return;
      case '"':
        this.#read(name);
        return;
      case "$":
        this.#dollar();
        return;
    }
    const letters = this.#read(word);
    if (letters === undefined) {
      if (this.#read(number) === undefined) this.#at += 1;
    } else if (/^e$/i.test(letters) && this.#script[this.#at] === "'") {
      this.#read(escaped);
    } else if (this.#parentheses === 0) {
      this.#word(letters.toLowerCase());
    }
  }

  /** A string between two equal tags, or the beginning of a parameter. */
  #dollar(): void {
    const tag = this.#read(dollarTag);
    if (tag === undefined) {
      this.#at += 1;
      return;
    }
    const end = this.#script.indexOf(tag, this.#at);
    this.#at = end < 0 ? this.#script.length : end + tag.length;
  }

  #word(lower: string): void {
    this.#words.push(lower);
    // BEGIN ATOMIC … END, whose statements are parts of one.
    if (!/^create (or replace )?(function|procedure)\b/.test(this.#words.slice(0, 4).join(" "))) {
      return;
    }
    if (lower === "begin") this.#blocks += 1;
    else if (lower === "case" && this.#blocks > 0) this.#blocks += 1;
    else if (lower === "end" && this.#blocks > 0) this.#blocks -= 1;
  }

  #ownCommand(): void {
    const begin = this.#at;
    ownCommand.lastIndex = begin;
    const [all = "\\", command = ""] = ownCommand.exec(this.#script) ?? [];
    this.#keepTo(begin);
    if (command === ";") {
      // A semicolon that does not end the text.
      this.#kept = begin + 1;
      this.#at = begin + 2;
      return;
    }
    this.#at = begin + all.length;
    this.#kept = this.#at;
    if (sends.test(command)) this.#end();
  }

  #read(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const read = token.exec(this.#script)?.[0];
    this.#at += read?.length ?? 0;
    return read;
  }

  #keepTo(end: number): void {
    this.#text += this.#script.slice(this.#kept, end);
    this.#kept = end;
  }

  /** @param mark - characters at the end that are no part of it */
  #end(mark = 0): void {
    this.#keepTo(this.#at - mark);
    this.#kept = this.#at;
    if (this.#start !== undefined) {
      this.#line += this.#script.slice(this.#counted, this.#start).split("\n").length - 1;
      this.#counted = this.#start;
      this.#found.push({ text: this.#text.trim(), line: this.#line });
    }
    this.#text = "";
    this.#start = undefined;
    this.#parentheses = 0;
    this.#blocks = 0;
    this.#words = [];
  }
}

/** Where space and comments end that begin here. */
function endOfBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    const begin = at;
    for (const token of [blank, lineComment]) {
      token.lastIndex = at;
      at += token.exec(text)?.[0].length ?? 0;
    }
    if (text.startsWith("/*", at)) at = endOfComment(text, at);
    if (at === begin) return at;
  }
}

/** Comments nest. */
function endOfComment(text: string, begin: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = begin;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
