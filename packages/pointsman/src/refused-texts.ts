import { boundedTexts } from "./bounded-texts.ts";
import type { Reason } from "./routing/reasons.ts";
import type { Classification, RelationName } from "./statements/types.ts";

/** A text that a reader has refused though it looked like a read, and that the writer has accepted. */
export interface RefusedText {
  /** The SQL text, without its values; of a long one the first 1,000 characters. */
  readonly text: string;
  /** What the reader has said: PostgreSQL's message, in its language. */
  readonly because: string;
  /** What to tell the router, so that no reader is asked. */
  readonly advice: string;
}

/** One of those that are remembered. */
export interface RememberedRefusal extends RefusedText {
  /** Statements of this text that have gone to the writer since, without asking a reader. */
  readonly statements: number;
}

/** What is needed of a statement to remember it. */
interface Refused {
  readonly text?: string | undefined;
  readonly facts: Classification;
}

interface Remembered {
  readonly because: string;
  readonly advice: string;
  statements: number;
}

const longest = 1_000;
const told = 20;

/** The texts that readers have refused, which go to the writer from then on. */
export class RefusedTexts {
  readonly #refused = boundedTexts<Remembered>(({ because }) => because.length);
  /** Refused too late to be moved: the writer has them next, and tells whether that is right. */
  readonly #suspects = boundedTexts<string>((because) => because.length);
  /** What readers have said of texts that the writer has now. */
  readonly #heard = boundedTexts<string>((because) => because.length);
  /** Texts that differ in their values only have one verdict, and are as much as one text here. */
  readonly #alike = new WeakSet<Classification>();

  /** How many are known for certain. */
  get size(): number {
    return this.#refused.size;
  }

  has(text: string | undefined, facts: Classification): boolean {
    if (text === undefined || this.#refused.size + this.#suspects.size === 0) return false;
    return this.#refused.has(text) || this.#alike.has(facts) || this.#suspects.has(text);
  }

  suspect(text: string | undefined, error: unknown): void {
    if (text !== undefined) this.#suspects.set(text, messageOf(error));
  }

  /** A reader has refused a text, and the writer has it next. */
  hear(text: string | undefined, error: unknown): void {
    if (text !== undefined) this.#heard.set(text, messageOf(error));
  }

  /** What a reader has said of a text. */
  because(text: string): string | undefined {
    return this.#refused.peek(text)?.because ?? this.#suspects.peek(text);
  }

  /**
   * A text belongs to the writer when a reader has refused it and the writer has not.
   *
   * @returns what is news
   */
  learn({ text, facts }: Refused, reason: Reason, succeeded: boolean): RefusedText | undefined {
    if (text === undefined || (reason !== "refused" && reason !== "after-refusal"))
      return undefined;
    const known = this.#refused.get(text);
    if (known !== undefined) known.statements += 1;
    const because = reason === "refused" ? this.#suspects.peek(text) : this.#heard.peek(text);
    if (because === undefined) return undefined;
    this.#suspects.delete(text);
    this.#heard.delete(text);
    if (!succeeded) return undefined;
    if (facts.functions.length + facts.reads.length > 0) this.#alike.add(facts);
    if (known !== undefined) return undefined;
    const advice = adviceOn(facts);
    this.#refused.set(text, { because, advice, statements: 0 });
    return { text: text.slice(0, longest), because, advice };
  }

  /** Those of which most statements have gone to the writer since, the busiest first. */
  busiest(): readonly RememberedRefusal[] {
    return [...this.#refused.entries()]
      .map(([text, one]) => ({ text: text.slice(0, longest), ...one }))
      .sort((a, b) => b.statements - a.statements)
      .slice(0, told);
  }
}

/** What would have told the router. */
function adviceOn({ functions, reads }: Classification): string {
  const called = functions.filter(({ knowledge }) => knowledge === "reads");
  const names = (of: readonly RelationName[], what: string): string =>
    of
      .map(
        ({ schema, name }) => `"${schema === undefined ? name : `${schema}.${name}`}": "${what}"`,
      )
      .join(", ");
  if (called.length > 0) {
    return `One of its functions does more than read. Say which: functions: { ${names(called, "write")} }.`;
  }
  if (reads.length > 0) {
    return `Something behind its tables and views does more than read. Let the database tell (the option catalog), or say which: tables: { ${names(reads, "writer")} }.`;
  }
  return "Send it to the writer: begin it with the comment /* pointsman:writer */.";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
