import type { Call } from "./call.ts";
import { asConfig, derive, isSubmittable, type QueryInput, textOf } from "./servers/query-input.ts";
import {
  commentOf,
  endsWithTags,
  type SqlCommentFunction,
  type SqlTags,
  withComment,
} from "./statements/sql-comment.ts";
import { warnOfUnusableTags } from "./telemetry/logging-warnings.ts";

/** What a comment is put behind. */
type Commented = Pick<Call, "query" | "text" | "facts">;

/** Puts the comments of the option `sqlComment` behind statements. */
export class Commenter {
  /** The comment that all statements have; empty: none. */
  readonly #always: string = "";
  readonly #ask: SqlCommentFunction | undefined;
  #isAsking = false;
  #hasFailed = false;

  constructor(option: SqlTags | SqlCommentFunction) {
    if (typeof option === "function") this.#ask = option;
    else this.#always = commentOf(option);
  }

  /** Whether no two texts need have the same comment. */
  get varies(): boolean {
    return this.#ask !== undefined;
  }

  /** A statement that is called now, with its comment; or as it is, where it has none. */
  now(call: Commented): QueryInput {
    const { query } = call;
    if (this.#ask === undefined) return this.always(call);
    // The text of a name is the same each time; and of what is submitted nobody knows how often.
    if (isSubmittable(query) || isNamed(query) || !mayHaveComment(call)) return query;
    return withText(query, call.text, this.#asked(this.#ask));
  }

  /** The same with what all statements have alone. */
  always(call: Commented): QueryInput {
    const { query } = call;
    if (this.#always === "" || !mayHaveComment(call)) return query;
    if (!isSubmittable(query)) return withText(query, call.text, this.#always);
    submitWith(query, this.#always);
    return query;
  }

  #asked(ask: SqlCommentFunction): string {
    // What the function itself sends has no comment: it would be asked for that, too.
    if (this.#isAsking) return "";
    this.#isAsking = true;
    try {
      const tags: unknown = ask();
      // Nobody waits for it, nor hears how it fails.
      if (tags instanceof Promise) tags.catch(() => {});
      return tags === undefined || tags === null ? "" : commentOf(tags as SqlTags);
    } catch (error) {
      if (!this.#hasFailed) warnOfUnusableTags(error);
      this.#hasFailed = true;
      return "";
    } finally {
      this.#isAsking = false;
    }
  }
}

/** Whether it is known where a text ends, and no tags are there. */
function mayHaveComment({ text, facts }: Commented): boolean {
  return text !== undefined && facts.statements.length > 0 && !endsWithTags(text);
}

function isNamed(query: QueryInput): boolean {
  return typeof query === "object" && Boolean((query as { readonly name?: unknown }).name);
}

function withText(query: QueryInput, text: string | undefined, comment: string): QueryInput {
  if (comment === "" || isSubmittable(query)) return query;
  const own = textOf(query);
  // What is called by its name alone was given its text before.
  if (own === undefined || own !== text) return query;
  const commented = withComment(own, comment);
  return typeof query === "string" ? commented : derive(asConfig(query), { text: commented });
}

/** A cursor or a stream has its text in itself, or in the cursor that it reads from. */
function submitWith(query: object, comment: string): void {
  const own = query as { text?: unknown; readonly cursor?: { text?: unknown } };
  const holder = typeof own.text === "string" ? own : own.cursor;
  if (holder === undefined || typeof holder.text !== "string") return;
  // One that is frozen stays as it is.
  Reflect.set(holder, "text", withComment(holder.text, comment));
}
